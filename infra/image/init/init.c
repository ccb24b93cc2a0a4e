/*
 * The first process of an enclave, and the only one that is root: loads the drivers, tells the parent instance that the
 * enclave runs, shuts the application into a root of its own, drops every right, and waits. When the application ends,
 * the enclave ends. It reads nothing from outside the image.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 1000
#define PARENT_CID 3
#define HEARTBEAT_PORT 9000
#define HEARTBEAT 0xb7
#define MODULE_COMPRESSED 4 /* MODULE_INIT_COMPRESSED_FILE of linux/module.h */
#define HARDENED (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* In the order of their dependencies; one that the image lacks is built into its kernel. */
static const char *const modules[] = {
    "/modules/virtio_mmio.ko.xz",
    "/modules/vsock.ko.xz",
    "/modules/vmw_vsock_virtio_transport_common.ko.xz",
    "/modules/vmw_vsock_virtio_transport.ko.xz",
    "/modules/nsm.ko.xz",
};

static void say(const char *what) {
    dprintf(STDERR_FILENO, "init: %s\n", what);
}

/* An enclave that cannot start as measured must not start at all. */
static _Noreturn void die(const char *what) {
    dprintf(STDERR_FILENO, "init: %s: %s\n", what, strerror(errno));
    sync();
    reboot(RB_AUTOBOOT);
    _exit(1);
}

static void check(int result, const char *what) {
    if (result < 0) die(what);
}

static void mount_on(const char *type, const char *target, unsigned long flags, const char *options) {
    check(mount(type, target, type, flags, options), target);
}

static void open_console(void) {
    int console = open("/dev/console", O_RDWR);
    if (console < 0) return; /* without a console nothing is said, and nothing else differs */
    for (int fd = 0; fd <= 2; fd++) dup2(console, fd);
    if (console > 2) close(console);
}

static void write_setting(const char *path, const char *value) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    check(fd, path);
    check(write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -1, path);
    close(fd);
}

static void load_modules(void) {
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        int fd = open(modules[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) continue;
        check(fd, modules[i]);
        check(syscall(SYS_finit_module, fd, "", MODULE_COMPRESSED), modules[i]);
        close(fd);
    }
    write_setting("/proc/sys/kernel/modules_disabled", "1");
}

/* What the kernel offers and no enclave needs: another kernel, dumps, and addresses of its own in the log. */
static void close_doors(void) {
    const struct rlimit none = {0, 0}, files = {65536, 65536};
    write_setting("/proc/sys/kernel/kexec_load_disabled", "1");
    write_setting("/proc/sys/kernel/core_pattern", "|/none");
    write_setting("/proc/sys/kernel/dmesg_restrict", "1");
    write_setting("/proc/sys/kernel/kptr_restrict", "2");
    write_setting("/proc/sys/kernel/unprivileged_bpf_disabled", "1");
    write_setting("/proc/sys/user/max_user_namespaces", "0");
    check(setrlimit(RLIMIT_CORE, &none), "limit of core dumps");
    check(setrlimit(RLIMIT_NOFILE, &files), "limit of files");
}

static void raise_loopback(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check(fd, "loopback");
    check(ioctl(fd, SIOCGIFFLAGS, &request), "loopback");
    request.ifr_flags |= IFF_UP;
    check(ioctl(fd, SIOCSIFFLAGS, &request), "loopback");
    close(fd);
}

/* What Nitro's launcher waits for: a byte, and the same byte back. The device may take a moment to be there. */
static void send_heartbeat(void) {
    const struct sockaddr_vm parent = {.svm_family = AF_VSOCK, .svm_cid = PARENT_CID, .svm_port = HEARTBEAT_PORT};
    const struct timespec pause = {0, 50 * 1000 * 1000};
    unsigned char byte = HEARTBEAT;
    int fd = -1;
    for (int attempt = 0; attempt < 40; attempt++) {
        fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(fd, "vsock");
        if (connect(fd, (const struct sockaddr *)&parent, sizeof parent) == 0) break;
        int reason = errno;
        close(fd);
        fd = -1;
        errno = reason;
        nanosleep(&pause, NULL);
    }
    check(fd, "heartbeat to the parent");
    if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1 || byte != HEARTBEAT) die("heartbeat");
    close(fd);
}

static void make_device(const char *path, dev_t device, mode_t mode) {
    check(mknod(path, S_IFCHR | mode, device), path);
    check(chmod(path, mode), path);
}

/* /dev/nsm has a number that the kernel chooses. */
static void make_nsm(void) {
    unsigned major, minor;
    FILE *file = fopen("/sys/class/misc/nsm/dev", "re");
    if (file == NULL || fscanf(file, "%u:%u", &major, &minor) != 2) die("no NSM");
    fclose(file);
    make_device("/rootfs/dev/nsm", makedev(major, minor), 0600);
    check(chown("/rootfs/dev/nsm", APPLICATION_ID, APPLICATION_ID), "/dev/nsm");
}

/* The application sees its own ramdisk read-only, five devices, /proc, and an empty /tmp from which nothing runs. */
static void build_root(void) {
    check(mount("/rootfs", "/rootfs", NULL, MS_BIND, NULL), "/rootfs");
    mount_on("tmpfs", "/rootfs/dev", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k");
    make_device("/rootfs/dev/null", makedev(1, 3), 0666);
    make_device("/rootfs/dev/zero", makedev(1, 5), 0666);
    make_device("/rootfs/dev/random", makedev(1, 8), 0666);
    make_device("/rootfs/dev/urandom", makedev(1, 9), 0666);
    make_nsm();
    check(mount(NULL, "/rootfs/dev", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL), "/dev");
    mount_on("proc", "/rootfs/proc", HARDENED, "hidepid=invisible");
    mount_on("tmpfs", "/rootfs/tmp", HARDENED, "mode=0700,uid=1000,gid=1000,size=16m");
    check(mount(NULL, "/rootfs", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL), "/rootfs");
    check(chdir("/rootfs"), "/rootfs");
    check(mount(".", "/", NULL, MS_MOVE, NULL), "/rootfs");
    check(chroot("."), "/rootfs");
    check(chdir("/"), "/");
}

/* The command is measured with the application: one argument in a line, the first with its whole path. */
static char **read_command(void) {
    static char text[4096], *arguments[64];
    int fd = open("/rootfs/command", O_RDONLY | O_CLOEXEC);
    check(fd, "command");
    ssize_t length = read(fd, text, sizeof text - 1);
    check(length > 0 ? 0 : -1, "command");
    close(fd);
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line != NULL && count < 63; line = strtok(NULL, "\n")) arguments[count++] = line;
    return arguments;
}

static _Noreturn void run(char **arguments) {
    static char *const environment[] = {"HOME=/tmp", "NODE_ENV=production", NULL};
    check(setsid(), "session");
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        check(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "capabilities");
    }
    check(setgroups(0, NULL), "groups");
    check(setresgid(APPLICATION_ID, APPLICATION_ID, APPLICATION_ID), "group");
    check(setresuid(APPLICATION_ID, APPLICATION_ID, APPLICATION_ID), "user");
    check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "privileges");
    execve(arguments[0], arguments, environment);
    die(arguments[0]);
}

int main(void) {
    if (getpid() != 1) return 1;
    mount_on("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, NULL);
    open_console();
    mount_on("proc", "/proc", HARDENED, NULL);
    mount_on("sysfs", "/sys", HARDENED, NULL);
    load_modules();
    close_doors();
    raise_loopback();
    char **arguments = read_command();
    build_root();
    send_heartbeat();
    pid_t application = fork();
    check(application, "fork");
    if (application == 0) run(arguments);

    int status;
    for (pid_t ended = 0; ended != application;) {
        ended = wait(&status);
        if (ended < 0 && errno != EINTR) die("wait");
    }
    dprintf(STDERR_FILENO, "init: the application ended with %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    say("the enclave ends");
    sync();
    reboot(RB_AUTOBOOT);
    return 1;
}
