# SPDX-License-Identifier: GPL-2.0-or-later
# Builds Mullion out of tree, doing only what is not done yet. Sourced; needs $top (the source tree).

# build_in DIR [configure options]: configures once, and again when configure has changed.
build_in() {
	local dir=$1
	shift
	if [ ! -x "$top/configure" ] || [ -n "$(find "$top/configure.ac" "$top/Makefile.am" \
		"$top"/*/room.mk -newer "$top/configure")" ]; then
		(cd "$top" && autoreconf -fi) || return
	fi
	mkdir -p "$dir" || return
	if [ ! -f "$dir/Makefile" ] || [ "$top/configure" -nt "$dir/config.status" ]; then
		(cd "$dir" && "$top/configure" --quiet "$@") || return
	fi
	make -C "$dir" -j"$(nproc)" --no-print-directory
}
