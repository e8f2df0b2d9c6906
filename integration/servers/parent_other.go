//go:build !linux

package servers

import "syscall"

// diesWithParent changes nothing: only Linux can do it.
func diesWithParent() *syscall.SysProcAttr { return nil }
