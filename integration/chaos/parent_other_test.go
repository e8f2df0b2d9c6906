//go:build !linux

package chaos_test

import "syscall"

func diesWithParent() *syscall.SysProcAttr { return nil } // a child ends when its standard input does
