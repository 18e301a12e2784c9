#!/bin/bash
# Runs systemd as the first process of a container whose files are this machine's, under a layer of memory that
# takes all writes. Its devices, /proc/sys and /sys are either its own or read-only, and it knows no units but
# those that it is given: nothing of it reaches the machine.
set -euo pipefail
dir=$1 program=$2 name=$3

# Control groups are namespaced from where the process is when it unshares.
if [ -z "${grouped-}" ]; then
	for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		if [ -e $hierarchy/cgroup.procs ]; then
			mkdir -p "$hierarchy/presenced-$name"
			echo $$ >"$hierarchy/presenced-$name/cgroup.procs"
		fi
	done
	grouped=yes exec unshare --cgroup bash "$0" "$@"
fi

mount --make-rprivate /
mount -t tmpfs -o mode=755 memory /mnt
mkdir /mnt/written /mnt/work /mnt/root
root=/mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/written,workdir=/mnt/work overlay $root
mount -t proc proc $root/proc
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,ro,bind $root/proc/sys
mount -t sysfs -o ro sysfs $root/sys
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
	mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
else
	mount -t tmpfs -o mode=755 cgroup $root/sys/fs/cgroup
	mkdir $root/sys/fs/cgroup/systemd $root/sys/fs/cgroup/unified
	mount -t cgroup -o name=systemd,none cgroup $root/sys/fs/cgroup/systemd
	mount -t cgroup2 cgroup2 $root/sys/fs/cgroup/unified
fi
mount -t tmpfs -o mode=755 devices $root/dev
for device in null zero full random urandom tty; do
	touch $root/dev/$device
	mount --bind /dev/$device $root/dev/$device
done
mkdir $root/dev/pts $root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
mount -t tmpfs -o mode=755 run $root/run
mount -t tmpfs -o mode=1777 tmp $root/tmp

# Packages put their units into the first, and what is enabled is linked from the second.
for place in usr/lib etc; do
	mkdir -p $root/$place/systemd/system
	mount -t tmpfs -o mode=755 units $root/$place/systemd/system
done
units=$root/run/systemd/system
mkdir -p $units
for target in sysinit basic sockets shutdown multi-user time-sync rescue; do
	printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' $target >$units/$target.target
done
printf '[Unit]\nDescription=the units under test\nDefaultDependencies=no\nWants=presenced.socket\n' >$units/lab.target
mkdir $units/presenced.service.d
printf "[Service]\nStandardError=append:/run/presenced.log\n" >$units/presenced.service.d/log.conf
rm -rf $root/usr/bin/presenced $root/etc/presenced
if [ -d "$dir/units" ]; then
	cp "$dir"/units/*.service "$dir"/units/*.socket $units
	cp "$program" $root/usr/bin/presenced
	chmod 755 $root/usr/bin/presenced
	cp -r "$dir"/files/. $root/
	chmod -R a+rX $root/etc/presenced
	chmod -R go-rwx $root/etc/presenced/secrets
	systemd-sysusers --root=$root - <"$dir/units/presenced.sysusers"
fi
echo 0123456789abcdef0123456789abcdef >$root/etc/machine-id

cd $root
mkdir -p old
pivot_root . old
cd /
umount -l /old
mount --make-rshared / # as on a machine that systemd has booted
export container=lab SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/systemd/system:/usr/lib/systemd/system
exec setpriv --bounding-set -sys_module,-sys_time,-sys_rawio,-sys_boot \
	/lib/systemd/systemd --system --log-target=null --show-status=no --unit=lab.target
