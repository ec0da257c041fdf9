# Guests on libvirt: the library that the command line and the daemon share, and the heads.
