//! A real root: found by each of its names, mounted, switched to, and left clean.

use crate::common::{self, Who, find, folder};
use crate::guest::{Ended, How};
use crate::machine::{Boot, Machine, boot, change, done, setup};
use serde_json::json;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

promises! {
    ext4_is_found_by_each_of_its_names on OLD_AMD64 NEW_ARM64;
    xfs_is_found_by_each_of_its_names on OLD_AMD64 NEW_AMD64;
    btrfs_is_found_by_each_of_its_names on OLD_AMD64 NEW_AMD64;
    squashfs_and_erofs_are_found on OLD_AMD64 NEW_AMD64 OLD_ARM64;
    partitions_are_found_by_their_ids on OLD_AMD64 NEW_AMD64;
    shared_directory_is_a_root on OLD_AMD64 NEW_AMD64;
    plan_9_directory_is_a_root on FULL_AMD64;
    overlay_takes_what_is_written on OLD_AMD64 NEW_AMD64;
    mounts_move_along on OLD_AMD64 NEW_ARM64;
    root_is_mounted_as_told on OLD_AMD64;
    root_that_is_told_wrong_is_said on OLD_AMD64;
    corrupt_root_is_said on OLD_AMD64 NEW_AMD64;
    late_device_is_found on OLD_AMD64 NEW_AMD64 OLD_ARM64;
    memory_of_the_initramfs_is_free_after_the_switch on OLD_AMD64 NEW_ARM64;
    other_file_systems_below_the_initramfs_are_kept on OLD_AMD64 NEW_AMD64;
    file_system_is_clean_at_the_end on OLD_AMD64 NEW_AMD64 NEW_ARM64;
    init_of_the_kernel_command_line_is_process_1 on OLD_AMD64;
    vesicle_is_an_init_of_the_real_root_too on OLD_AMD64 NEW_ARM64;
    debian_boots_to_its_login on OLD_AMD64;
    debian_is_a_root_for_a_payload on OLD_AMD64;
}

const UUID: &str = "UUID=c0ffee00-1111-4222-8333-444444444444";

/// A shell script as COMMAND in the real root, which has no file for it.
fn script(boot: Boot, text: &str) -> Boot {
    boot.words(&format!("/bin/sh -c \"{text}\""))
}

/// The words of the one line of /proc/mounts that is about `at`. The rootfs that all others are mounted on is not shown
/// to those who can't reach it.
#[track_caller]
fn mount<'a>(ended: &'a Ended, at: &str) -> Vec<&'a str> {
    let lines = ended.log.lines().map(|l| l.split(' ').collect::<Vec<_>>());
    let found: Vec<_> = lines.filter(|w| w.len() == 6 && w[1] == at).collect();
    assert!(found.len() == 1, "{} mounts on {at}; it said:\n{}", found.len(), ended.log);
    found[0].clone()
}

/// The disk `kind` is found by `root`, and is a root of this file system.
fn found(m: Machine, disk: &str, fs: &str, root: &str) {
    let boot = boot(m).disk(&m.disk(disk), &[fs]).words(&format!("--root {root}"));
    let ended = script(boot, "echo root of $(cat /etc/disk); cat /proc/mounts; exit 5").run();
    ended.how(How::PowerOff).line(&format!("root of {fs}")).ended("exit status 5; poweroff");
    assert_eq!(mount(&ended, "/")[2], fs, "{}", ended.log);
}

fn ext4_is_found_by_each_of_its_names(m: Machine) {
    ["/dev/vda", "LABEL=vesicle-ext4", UUID].iter().for_each(|root| found(m, "root.ext4", "ext4", root));
}

fn xfs_is_found_by_each_of_its_names(m: Machine) {
    ["LABEL=vesicle-xfs", UUID].iter().for_each(|root| found(m, "root.xfs", "xfs", root));
}

fn btrfs_is_found_by_each_of_its_names(m: Machine) {
    ["LABEL=vesicle-btrfs", UUID].iter().for_each(|root| found(m, "root.btrfs", "btrfs", root));
}

fn squashfs_and_erofs_are_found(m: Machine) {
    // A squashfs has no name of its own.
    found(m, "root.squashfs", "squashfs", "/dev/vda");
    found(m, "root.erofs", "erofs", UUID);
}

fn partitions_are_found_by_their_ids(m: Machine) {
    found(m, "gpt.img", "ext4", "PARTUUID=77777777-2222-4333-8444-555555555555");
    found(m, "mbr.img", "ext4", "PARTUUID=abcd1234-02");
    // The label of a file system that is in a partition.
    found(m, "gpt.img", "ext4", "LABEL=vesicle-ext4");
}

/// A directory of the host's, to be a root.
fn shared_tree(m: Machine) -> PathBuf {
    let tree = folder(Who::Root);
    for dir in ["bin", "dev", "proc", "run", "sys", "tmp", "etc"] {
        fs::create_dir(tree.join(dir)).expect("mkdir");
    }
    done(Command::new("cp").arg(m.busybox()).arg(tree.join("bin/busybox")));
    for applet in ["sh", "cat"] {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(applet)).expect("symlink");
    }
    fs::write(tree.join("etc/disk"), "the host\n").expect("write");
    tree
}

fn is_shared(boot: Boot, root: &str, fs: &str, tree: &Path) {
    let boot = boot.words(&format!("--root {root}"));
    let ended =
        script(boot, "echo root of $(cat /etc/disk); cat /proc/mounts; echo written >/tmp/written").run();
    ended.how(How::PowerOff).line("root of the host");
    assert_eq!(mount(&ended, "/")[2], fs);
    assert_eq!(fs::read_to_string(tree.join("tmp/written")).expect("what it wrote"), "written\n");
}

/// A process that ends here, if it did not before.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shared_directory_is_a_root(m: Machine) {
    if !common::is_root() {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("?");
        return common::say(&format!("SKIP {name}: not root, and virtiofsd needs it"));
    }
    let tree = shared_tree(m);
    let socket = tree.with_extension("virtiofs");
    let mut daemon = Command::new(setup("virtiofsd", &[]));
    daemon
        .arg(format!("--socket-path={}", socket.display()))
        .args(["-o", &format!("source={}", tree.display())]);
    let mut daemon = Killed(daemon.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("virtiofsd"));
    while !socket.exists() {
        assert!(daemon.0.try_wait().expect("wait").is_none(), "virtiofsd ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let line = format!("socket,id=virtiofs,path={}", socket.display());
    let boot = boot(m).modules(&["virtio_pci", "virtiofs"]).qemu(&["-chardev", &line]);
    let boot = boot.qemu(&["-device", "vhost-user-fs-pci,chardev=virtiofs,tag=the-root"]);
    let shared = "memory-backend-memfd,id=memory,size=512M,share=on";
    is_shared(
        boot.qemu(&["-object", shared, "-numa", "node,memdev=memory"]),
        "virtiofs:the-root",
        "virtiofs",
        &tree,
    );
}

fn plan_9_directory_is_a_root(m: Machine) {
    let tree = shared_tree(m);
    let share = format!("local,id=share,security_model=none,path={}", tree.display());
    let boot = boot(m).modules(&["virtio_pci", "9pnet_virtio", "9p"]).qemu(&["-fsdev", &share]);
    is_shared(
        boot.qemu(&["-device", "virtio-9p-pci,fsdev=share,mount_tag=the-root"]),
        "9p:the-root",
        "9p",
        &tree,
    );
}

fn overlay_takes_what_is_written(m: Machine) {
    for (kind, fs, root) in
        [("root.squashfs", "squashfs", "/dev/vda"), ("root.ext4", "ext4", "LABEL=vesicle-ext4")]
    {
        let disk = m.disk(kind);
        let before = fs::read(&disk).expect("the disk");
        let boot = boot(m).disk(&disk, &[fs, "overlay"]).words(&format!("--root overlay:{root}"));
        let ended = script(boot, "echo mine >/etc/disk; echo now $(cat /etc/disk); cat /proc/mounts").run();
        ended.how(How::PowerOff).line("now mine").ended("exit status 0; poweroff");
        assert_eq!(mount(&ended, "/")[2], "overlay");
        assert!(before == fs::read(&disk).expect("the disk"), "{kind} was written to");
    }
}

fn mounts_move_along(m: Machine) {
    let boot = boot(m).disk(&m.disk("root.ext4"), &[]).words("--root /dev/vda");
    let ended = script(boot, "cat /proc/mounts; ls -1 /; ls -1d /dev/vda /sys/block/vda /proc/1").run();
    ended.how(How::PowerOff).silent_of("modules").line("/dev/vda").line("/sys/block/vda").line("/proc/1");
    for at in ["/", "/dev", "/proc", "/sys", "/run", "/dev/pts", "/dev/shm", "/sys/fs/cgroup"] {
        mount(&ended, at);
    }
}

fn root_is_mounted_as_told(m: Machine) {
    let flags = "--root /dev/vda --root-type ext4 --root-flags ro,noatime,nodev,errors=panic";
    let boot = boot(m).disk(&m.disk("root.ext4"), &[]).words(flags);
    let ended = script(boot, "cat /proc/mounts; echo x >/x || echo refused").run();
    ended.how(How::PowerOff).line("refused");
    for option in ["ro", "noatime", "nodev", "errors=panic"] {
        assert!(mount(&ended, "/")[3].split(',').any(|o| o == option), "no {option}: {}", ended.log);
    }
}

fn root_that_is_told_wrong_is_said(m: Machine) {
    for (words, line) in [
        ("--root-type nosuch", "vesicle: mount root /dev/vda: No such device (ENODEV)"),
        ("--root-type xfs", "vesicle: mount root /dev/vda: "),
        ("--root-flags bogus=1", "vesicle: mount root /dev/vda: Invalid argument (EINVAL)"),
    ] {
        let boot = boot(m).disk(&m.disk("root.ext4"), &["xfs"]).words("--root /dev/vda").words(words);
        script(boot, "echo wrong").run().how(How::PowerOff).says(line).silent_of("\nwrong");
    }
    // Nothing that is known is on it.
    let empty = folder(Who::Root).join("empty");
    fs::File::create(&empty).and_then(|f| f.set_len(1 << 20)).expect("an empty disk");
    let boot = boot(m).disk(&empty, &[]).words("--root /dev/vda");
    script(boot, "echo wrong")
        .run()
        .how(How::PowerOff)
        .says("root /dev/vda: ")
        .says("--root-type")
        .silent_of("\nwrong");
}

fn corrupt_root_is_said(m: Machine) {
    let disk = m.disk("root.ext4");
    // The superblock is as it was; the descriptors of the groups, behind it, are not.
    let mut file = fs::File::options().write(true).open(&disk).expect("the disk");
    file.seek(SeekFrom::Start(2048)).and_then(|_| file.write_all(&[0xa5; 4096])).expect("write");
    let boot = boot(m).disk(&disk, &[]).words("--root LABEL=vesicle-ext4");
    script(boot, "echo wrong").run().how(How::PowerOff).says("vesicle: mount root ").silent_of("\nwrong");
}

fn late_device_is_found(m: Machine) {
    let drive = format!("if=none,id=late,format=raw,file={}", m.disk("root.ext4").display());
    let mut boot = boot(m).modules(&["virtio_pci", "virtio_blk"]).qemu(&["-drive", &drive]);
    // A slot that takes a device while the machine runs.
    let bus = if m.is_amd64() { "pci.0" } else { "late-slot" };
    if !m.is_amd64() {
        boot = boot.qemu(&["-device", "pcie-root-port,id=late-slot,chassis=1"]);
    }
    let boot = boot.before("echo waiting for it").words("--root LABEL=vesicle-ext4 --root-wait 60");
    let mut guest = script(boot, "echo root of $(cat /etc/disk)").start();
    guest.wait_for("waiting for it\n");
    std::thread::sleep(Duration::from_secs(2));
    guest.ask(
        "device_add",
        json!({ "driver": "virtio-blk-pci", "drive": "late", "bus": bus, "id": "late-disk" }),
    );
    guest.end().how(How::PowerOff).line("root of ext4");
}

fn memory_of_the_initramfs_is_free_after_the_switch(m: Machine) {
    // The kernel doesn't give back all of what a large initramfs took, so it is the same for both. And what it does give
    // back, it gives when it comes to it: the most that was free in some seconds counts. From one boot to the
    // next that differs by 2 MiB on arm64.
    let free = |before: &str| {
        let boot = boot(m).disk(&m.disk("root.ext4"), &[]).file("weight/file", vec![b'x'; 64 << 20], 0o644);
        let boot = boot.before(before).words("--root /dev/vda");
        let ended = script(boot, "for i in 1 2 3 4 5 6; do sleep 1; grep MemFree /proc/meminfo; done").run();
        let lines = ended.how(How::PowerOff).log.lines().filter_map(|l| l.strip_prefix("MemFree:"));
        lines.filter_map(|l| l.trim().strip_suffix(" kB")?.parse::<i64>().ok()).max().expect("MemFree")
    };
    let (light, heavy) = (free("rm /weight/file"), free(":"));
    assert!(
        light - heavy < 8192,
        "{light} kB are free, and with a file of 64 MiB in the initramfs {heavy} kB"
    );
}

fn other_file_systems_below_the_initramfs_are_kept(m: Machine) {
    let drive = format!("if=none,id=other,format=raw,file={}", m.disk("root.ext4").display());
    let boot = boot(m)
        .disk(&m.disk("root.squashfs"), &["squashfs"])
        .qemu(&["-drive", &drive, "-device", "virtio-blk-pci,drive=other"])
        .before("mkdir -p /data/below /old; mount -t devtmpfs dev /old; mount -t ext4 /old/vdb /data/below")
        .before("umount /old; echo kept >/data/below/kept")
        .words("--root /dev/vda");
    let ended = script(boot, "mount -t ext4 /dev/vdb /tmp && ls -1 /tmp/bin; cat /tmp/kept").run();
    ended.how(How::PowerOff).line("kept").line("busybox");
}

fn file_system_is_clean_at_the_end(m: Machine) {
    let disk = m.disk("root.ext4");
    let boot = boot(m).disk(&disk, &[]).words("--root /dev/vda --grace 1");
    // One that is left writes, and does not go by itself.
    let holds = "(trap '' TERM; exec >/held; while :; do echo x; sleep 0.1; done) &";
    script(boot, &format!("{holds} sleep 0.5; echo the last words >/written")).run().how(How::PowerOff);
    let told = done(Command::new(find("dumpe2fs").expect("dumpe2fs")).arg("-h").arg(&disk));
    assert!(told.lines().any(|l| l.starts_with("Filesystem state:") && l.ends_with(" clean")), "{told}");
    assert!(!told.contains("needs_recovery"), "its journal is to be replayed: {told}");
    let bytes = fs::read(&disk).expect("the disk");
    assert!(bytes.windows(14).any(|w| w == b"the last words"), "what was written at the end is not there");
}

fn init_of_the_kernel_command_line_is_process_1(m: Machine) {
    let boot = boot(m).disk(&m.disk("root.ext4"), &[]).append("init=/bin/sh vesicle.root=/dev/vda");
    let mut shell = boot.start();
    shell.wait_for("# ");
    shell.type_line("echo process:$$ root:$(cat /etc/disk)");
    shell.wait_for("process:1 root:ext4\n");
    shell.type_line("busybox poweroff -f");
    shell.end().how(How::PowerOff);
}

/// The words that name a root are not obeyed once more, when what they led to is vesicle again.
fn vesicle_is_an_init_of_the_real_root_too(m: Machine) {
    let disk = m.disk("root.ext4");
    let put = m.vesicle();
    change(
        &disk,
        &format!("mkdir sbin\nwrite {} sbin/init\nset_inode_field sbin/init mode 0100755\n", put.display()),
    );
    let mut shell =
        boot(m).disk(&disk, &[]).append("vesicle.root=/dev/vda vesicle.root-flags=noatime").start();
    shell.wait_for("# ");
    shell.type_line("cat /proc/mounts; echo process:$(readlink /proc/1/exe) root:$(cat /etc/disk); exit 8");
    let ended = shell.end();
    ended.how(How::PowerOff).says("process:/sbin/init root:ext4\n").ended("exit status 8; poweroff");
    assert_eq!(mount(&ended, "/")[2], "ext4");
}

/// A Debian with an init of its own, on a disk; only root makes one.
fn debian() -> Option<PathBuf> {
    let tree = common::debian(&["init"])?;
    let disk = folder(Who::Root).join("debian.ext4");
    let mkfs = find("mkfs.ext4").expect("mkfs.ext4");
    done(Command::new(mkfs).args(["-q", "-L", "debian", "-d"]).arg(tree).arg(&disk).arg("1G"));
    Some(disk)
}

fn debian_boots_to_its_login(m: Machine) {
    let Some(disk) = debian() else { return };
    let boot = boot(m).memory(1024).life(300).disk(&disk, &[]).words("--root LABEL=debian");
    boot.start().wait_for("bootable login: ");
}

fn debian_is_a_root_for_a_payload(m: Machine) {
    let Some(disk) = debian() else { return };
    let boot = boot(m).disk(&disk, &[]).words("--root LABEL=debian");
    let ended = script(boot, "dpkg -s dpkg | grep Status; grep Name /proc/1/status; exit 9").run();
    ended.how(How::PowerOff).line("Status: install ok installed").ended("exit status 9; poweroff");
}
