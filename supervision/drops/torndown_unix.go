//go:build unix

package drops

import "syscall"

// torndown reports whether c's peer has reset it, or both sides have closed it.
func torndown(c *Conn) bool {
	socket, ok := c.inner.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var dead error
	err = raw.Control(func(fd uintptr) { _, dead = syscall.Getpeername(int(fd)) })
	return err == nil && dead != nil
}
