package chaos_test

import "syscall"

// diesWithParent lets the kernel kill a child, frozen or not, when its parent was killed.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
