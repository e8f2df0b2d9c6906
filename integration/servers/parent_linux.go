package servers

import "syscall"

// diesWithParent lets the kernel kill a child when its parent was killed.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
