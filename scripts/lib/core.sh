# SPDX-License-Identifier: GPL-2.0-or-later
# The emulated laptop that the core boots on: a GRUB disc, a machine of QEMU, its keyboards and eyes.
# Sourced by scripts/try and by boot tests; one machine at a time. What a caller may set first:

core_dir=${core_dir:-}		    # where the machine lives: logs, sockets, disks; must be there
core_images=${core_images:-}	    # of scripts/core-images
core_binary=${core_binary:-}	    # mullion-core; empty: GRUB boots a bare Linux, see core_bare
core_bare=${core_bare:-ui}	    # with no core_binary: whose initrd
core_manifest=${core_manifest:-}    # a file; empty: core_default_manifest's text
core_args=${core_args:-}	    # the core's command line
core_modules=(${core_modules[@]+"${core_modules[@]}"}) # instead of the usual: NAME=FILE...
core_firmware=${core_firmware:-bios} # bios or ovmf
core_iommu=${core_iommu:-amd}	    # amd, intel or none
core_cpu=${core_cpu:-max,+svm,+npt}
core_cpus=${core_cpus:-2}
# One thread: QEMU 7.2 with a thread a CPU changes its first CPU's SVM flags from the others' (whenever
# they load x87 state), and once in some ten boots host code then runs with the guest's tables on.
core_accel=${core_accel:-tcg,thread=single}
core_memory=${core_memory:-3G}
core_vga=${core_vga:-virtio}	    # virtio or std
core_nic=${core_nic:-virtio}	    # virtio or e1000e (whose link takes three seconds)
core_http_port=${core_http_port:-0} # of this host, for the control VM's web server; 0: a free one
core_com1=${core_com1:-stdio}	    # QEMU's -serial; core_boot() sets it
core_display=${core_display:-none}  # QEMU's -display
core_extra=(${core_extra[@]+"${core_extra[@]}"}) # more options of QEMU's

# PCI addresses, the same in each machine; for manifests and tests.
core_addr_vga=02 core_addr_nic=03 core_addr_nvme=04 core_addr_usb=05 core_addr_edu=06

core_ui_cmdline="console=ttyS0 earlyprintk=serial,ttyS0,115200 panic=-1"
core_control_cmdline=$core_ui_cmdline

core_qemu= # its process
core_mark=1 # core_wait_line() looks from this line of the log on

core_default_manifest() {
	cat <<-END
		# The emulated laptop: display, USB and the edu device are the UI VM's.
		[vm ui]
		kind = ui
		kernel = vmlinuz
		initrd = ui.initrd
		cmdline = $core_ui_cmdline
		memory = 512M
		vcpus = all
		device = class 03
		device = class 0c03
		device = 00:$core_addr_edu.0

		[vm control]
		kind = control
		kernel = vmlinuz
		initrd = control.initrd
		cmdline = $core_control_cmdline
		vcpus = all
	END
}

# core_iso FILE: the boot disc, for BIOS and UEFI.
core_iso() {
	local tree=$core_dir/iso modules="all_video multiboot2 linux serial terminal iso9660 part_acorn part_amiga part_apple
		part_bsd part_dfly part_dvh part_gpt part_msdos part_plan part_sun part_sunpc normal
		configfile echo boot" module name file
	local all=(${core_modules[@]+"${core_modules[@]}"})
	for file in ${core_binary:+"$core_binary"} ${core_manifest:+"$core_manifest"} "$core_images/vmlinuz"; do
		[ -f "$file" ] || {
			echo "mullion: $file is not there" >&2
			return 1
		}
	done
	rm -rf "$tree" && mkdir -p "$tree/boot/grub" || return
	{
		echo "set timeout=0"
		echo "insmod all_video"
		echo "serial --unit=0 --speed=115200"
		echo "terminal_input console serial"
		echo "terminal_output console serial"
		echo "set gfxpayload=1280x800x32,1024x768x32,auto"
		if [ -n "$core_binary" ]; then
			cp "$core_binary" "$tree/boot/mullion-core"
			if [ -n "$core_manifest" ]; then
				cp "$core_manifest" "$tree/boot/manifest"
			else
				core_default_manifest >"$tree/boot/manifest"
			fi
			if [ ${#all[@]} -eq 0 ]; then
				all=(manifest="$tree/boot/manifest" vmlinuz="$core_images/vmlinuz"
					ui.initrd="$core_images/ui.initrd"
					control.initrd="$core_images/control.initrd")
			fi
			echo "multiboot2 /boot/mullion-core $core_args"
			for module in "${all[@]}"; do
				name=${module%%=*} file=${module#*=}
				[ "$file" -ef "$tree/boot/$name" ] || cp "$file" "$tree/boot/$name"
				echo "module2 /boot/$name $name"
			done
		else
			cp "$core_images/vmlinuz" "$core_images/$core_bare.initrd" "$tree/boot/"
			echo "linux /boot/vmlinuz $core_ui_cmdline $core_args"
			echo "initrd /boot/$core_bare.initrd"
		fi
		echo "boot"
	} >"$tree/boot/grub/grub.cfg" || return
	# shellcheck disable=SC2086 # a list of words
	grub-mkrescue -o "$1" --install-modules="$modules" --modules="" --locales="" --fonts="" \
		--themes="" --compress=no "$tree" >"$core_dir/grub.log" 2>&1 || {
		cat "$core_dir/grub.log" >&2
		return 1
	}
}

# core_prepare: makes disc and disk in $core_dir; core_options is then what QEMU is called with.
core_prepare() {
	core_options=(-nodefaults -no-user-config -M q35,kernel-irqchip=split -accel "$core_accel"
		-cpu "$core_cpu" -smp "$core_cpus" -m "$core_memory" -display "$core_display")
	core_iso "$core_dir/boot.iso" || return
	[ -f "$core_dir/disk.img" ] ||
		mke2fs -q -F -t ext4 -E root_owner=0:0 "$core_dir/disk.img" 64M >/dev/null || return
	case $core_firmware in
	bios) ;;
	ovmf)
		cp /usr/share/OVMF/OVMF_VARS_4M.fd "$core_dir/vars.fd" || return
		core_options+=(-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd
			-drive "if=pflash,format=raw,file=$core_dir/vars.fd")
		;;
	*) echo "mullion: no firmware $core_firmware" >&2 && return 1 ;;
	esac
	# First, as it is there for what comes after it.
	case $core_iommu in
	amd) core_options+=(-device amd-iommu,intremap=on) ;;
	intel) core_options+=(-device intel-iommu,intremap=on,eim=off) ;;
	none) ;;
	*) echo "mullion: no IOMMU $core_iommu" >&2 && return 1 ;;
	esac
	# iommu_platform: virtio devices that do DMA by the rules, through the IOMMU.
	local rules=iommu_platform=on,disable-legacy=on
	case $core_vga in
	virtio) core_options+=(-device "virtio-vga,id=vga,addr=$core_addr_vga,$rules") ;;
	*) core_options+=(-device "VGA,id=vga,addr=$core_addr_vga,xres=1280,yres=800") ;;
	esac
	case $core_nic in
	virtio) core_options+=(-device "virtio-net-pci,netdev=net,addr=$core_addr_nic,$rules,romfile=") ;;
	*) core_options+=(-device "$core_nic,netdev=net,addr=$core_addr_nic,romfile=") ;;
	esac
	# The USB keyboard and tablet belong to the display: events sent with its name go to them, others
	# to the PS/2 ones.
	core_options+=(-netdev "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:$core_http_port-:80"
		-drive "if=none,id=disk,format=raw,file=$core_dir/disk.img"
		-device "nvme,drive=disk,serial=mullion,addr=$core_addr_nvme"
		-device "qemu-xhci,id=usb,addr=$core_addr_usb"
		-device usb-kbd,bus=usb.0,display=vga -device usb-tablet,bus=usb.0,display=vga
		-device "edu,addr=$core_addr_edu,dma_mask=0xffffffffffffffff"
		-drive "if=none,id=disc,format=raw,media=cdrom,readonly=on,file=$core_dir/boot.iso"
		-device ide-cd,bus=ide.0,drive=disc,bootindex=0
		-serial "$core_com1"
		-serial "unix:$core_dir/control.sock,server=on,wait=off"
		-qmp "unix:$core_dir/qmp.sock,server=on,wait=off"
		${core_extra[@]+"${core_extra[@]}"})
}

# core_boot: starts the machine. Its serial log is $core_dir/core.log.
core_boot() {
	local retry=retry=100,interval=0.1 # a socket is there before it is listened on
	core_com1="file:$core_dir/core.log"
	core_prepare || return
	rm -f "$core_dir"/{core.log,qmp.in,qmp.out,control.in,control.out,qmp.sock,control.sock}
	: >"$core_dir/core.log"
	core_mark=1
	qemu-system-x86_64 "${core_options[@]}" >"$core_dir/qemu.log" 2>&1 &
	core_qemu=$!
	core_until 60 "QEMU" test -S "$core_dir/qmp.sock" || return
	mkfifo "$core_dir/qmp.in" "$core_dir/control.in" || return
	socat "UNIX:$core_dir/qmp.sock,$retry" - <"$core_dir/qmp.in" >"$core_dir/qmp.out" 2>/dev/null &
	exec {core_qmp_in}>"$core_dir/qmp.in"
	socat "UNIX:$core_dir/control.sock,$retry" - <"$core_dir/control.in" >"$core_dir/control.out" 2>/dev/null &
	exec {core_control_in}>"$core_dir/control.in"
	core_qmp qmp_capabilities >/dev/null || return
	core_http_at=127.0.0.1:$(core_qmp human-monitor-command '{"command-line": "info usernet"}' |
		sed -n 's/.*HOST_FORWARD\] *[0-9]* *127\.0\.0\.1 *\([0-9]*\) .*/\1/p')
}

core_runs() { [ -n "$core_qemu" ] && kill -0 "$core_qemu" 2>/dev/null; }

core_stop() {
	[ -n "$core_qemu" ] || return 0
	kill "$core_qemu" 2>/dev/null && kill -CONT "$core_qemu" 2>/dev/null
	wait "$core_qemu" 2>/dev/null
	core_qemu=
	exec {core_qmp_in}>&- {core_control_in}>&-
}

# core_until SECONDS WHAT COMMAND...: until the command succeeds; fails when the time is over or the
# machine has ended, and says what did not come.
core_until() {
	local seconds=$1 what=$2 end=$((SECONDS + $1))
	shift 2
	until "$@"; do
		if ! core_runs; then
			echo "mullion: QEMU has ended; still missing: $what" >&2
			cat "$core_dir/qemu.log" >&2
			return 1
		fi
		if [ $SECONDS -ge "$end" ]; then
			echo "mullion: after $seconds seconds still not so: $what" \
				"(QEMU's state: $(ps -o stat= -p "$core_qemu"))" >&2
			return 1
		fi
		sleep 0.1 # between two looks; what ends the wait is the condition
	done
}

# The log from the mark on, without what terminals want.
core_log() { tail -n "+$core_mark" "$core_dir/core.log" | tr -d '\r\000' | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g'; }
# All of the log is read, as a reader that ends early makes a pipe fail.
core_has_line() { core_log | grep -aE -- "$1" >/dev/null; }
# core_wait_line PATTERN [SECONDS]: until a line of the log, after the mark, has it. Fails at once when
# GRUB or the core has stopped with an error that is not what is waited for.
core_error='^error: |\] core: error [0-9]+:'
core_wait_line() {
	core_until "${2:-60}" "a line with '$1'" core_has_line "$1|$core_error" || return
	core_has_line "$1" || {
		echo "mullion: instead of a line with '$1': $(core_log | grep -aE "$core_error" | head -n 1)" >&2
		return 1
	}
}
# What comes from now on is what counts for core_wait_line().
core_set_mark() { core_mark=$(($(wc -l <"$core_dir/core.log") + 1)); }

# core_write FD LINE: into the machine, in a subshell that a closed pipe may end.
core_write() {
	(printf '%s\n' "$2" >&"$1") 2>/dev/null && return
	echo "mullion: QEMU $(core_runs && echo "has closed a connection" || echo "has ended"); it said:" >&2
	cat "$core_dir/qemu.log" >&2
	return 1
}

# core_qmp COMMAND [ARGUMENTS]: prints what it returns; fails if that is an error.
core_qmp() {
	local answer id request
	id=$(core_unique)
	request=$(jq -cn --arg command "$1" --argjson arguments "${2:-{\}}" --arg id "$id" \
		'{execute: $command, arguments: $arguments, id: $id}') || return
	core_write "$core_qmp_in" "$request" || return
	core_until 60 "QEMU's answer to $1" core_qmp_answered "$id" || return
	answer=$(jq -c --arg id "$id" 'select(.id == $id)' "$core_dir/qmp.out")
	if [ "$(jq 'has("error")' <<<"$answer")" = true ]; then
		echo "mullion: QEMU refuses $1: $(jq -r .error.desc <<<"$answer")" >&2
		return 1
	fi
	jq -r '.return' <<<"$answer"
}
core_qmp_answered() { grep -q "\"id\": \"$1\".*}" "$core_dir/qmp.out"; }
# A word that was not there before, in subshells too.
core_unique() { date +core-%s-%N; }

# core_screenshot FILE.png: what is on screen.
core_screenshot() {
	core_qmp screendump "$(jq -cn --arg file "$(realpath "$1")" \
		'{filename: $file, format: "png", device: "vga"}')" >/dev/null
}

# core_events usb|ps2 EVENT...: to the devices of that kind, as of QMP's input-send-event.
core_events() {
	local to='{}'
	[ "$1" = ps2 ] || to='{"device": "vga", "head": 0}'
	shift
	core_qmp input-send-event "$(printf '%s\n' "$@" | jq -cs --argjson to "$to" '$to + {events: .}')" >/dev/null
}
core_key_event() {
	echo "{\"type\": \"key\", \"data\": {\"down\": $2, \"key\": {\"type\": \"qcode\", \"data\": \"$1\"}}}"
}
# core_key usb|ps2 QCODE...: pressed together, let go in reverse. QCODE: a, ret, ctrl, alt, delete...
core_key() {
	local kind=$1 key down=() up=()
	shift
	for key in "$@"; do
		down+=("$(core_key_event "$key" true)")
		up=("$(core_key_event "$key" false)" "${up[@]}")
	done
	core_events "$kind" "${down[@]}" && core_events "$kind" "${up[@]}"
}
# core_pointer usb X Y: the tablet, 0..32767. core_pointer ps2 DX DY: the mouse.
core_pointer() {
	local type=abs
	[ "$1" = usb ] || type=rel
	core_events "$1" "{\"type\": \"$type\", \"data\": {\"axis\": \"x\", \"value\": $2}}" \
		"{\"type\": \"$type\", \"data\": {\"axis\": \"y\", \"value\": $3}}"
}

# core_http PATH: of the control VM's web server.
core_http() { curl -sS --fail --max-time 30 "http://$core_http_at$1"; }

# core_control_shell COMMAND [SECONDS]: runs it in the control VM, prints what it prints, has its
# exit status.
core_control_shell() {
	local mark output
	mark=$(core_unique)
	# The quotes keep the echo of what is typed from looking like the answer.
	core_write "$core_control_in" "echo '$mark'-begin; { $1"$'\n'"}; echo '$mark'-end \$?" || return
	core_until "${2:-60}" "the end of '$1' in the control VM" \
		grep -aqE "^$mark-end [0-9]+" "$core_dir/control.out" || return
	output=$(tr -d '\r' <"$core_dir/control.out" | sed -n "/^$mark-begin/,/^$mark-end/p")
	sed '1d;$d' <<<"$output"
	return "$(tail -n 1 <<<"$output" | sed "s/^$mark-end //")"
}
