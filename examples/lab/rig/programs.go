package rig

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// Where Debian has what is asked for by path.
const (
	// Python3 is Debian's own, the one that sees python3-pika; another one
	// may come first in PATH.
	Python3 = "/usr/bin/python3"

	rabbitmqServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"
	rabbitmqCtl    = "/usr/lib/rabbitmq/bin/rabbitmqctl"
)

// find looks for a program in PATH and in the folders for daemons, which
// Debian leaves out of an ordinary user's PATH.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return filepath.Abs(path)
	}
	for _, folder := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(folder, program)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w (rig.Install gets what is missing)", err)
}
