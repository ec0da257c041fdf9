# The GTK3 panel.
