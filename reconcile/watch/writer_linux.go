package watch

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// beingWritten tells whether some process has the file open for writing: then
// the kernel gives no read lease on it (fcntl(2), F_SETLEASE). Where it can't
// be told, the answer is no: on file systems that give no leases, and in files
// of somebody else.
func beingWritten(file *os.File) bool {
	conn, err := file.SyscallConn()
	if err != nil {
		return false
	}
	busy := false
	err = conn.Control(func(fd uintptr) {
		if !givesLeases(int(fd)) {
			return
		}
		_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
		if err == nil {
			_, err = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
		}
		busy = errors.Is(err, unix.EAGAIN)
	})
	return err == nil && busy
}

// givesLeases tells whether a refused lease means an open writer. On a network
// file system it may mean that the server gave no delegation.
func givesLeases(fd int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil {
		return false
	}
	return slices.Contains([]int64{
		unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.F2FS_SUPER_MAGIC,
	}, int64(fs.Type))
}
