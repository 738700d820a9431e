package demo

import "fmt"

// Both ends of each connection are in this process; the rest is for the
// runtime, the standard streams and handshakes under way.
const (
	filesPerConnection = 2
	filesBeside        = 200
)

// checkFiles says what to do if a limit of open files is too low for so many
// connections.
func checkFiles(connections int, limit uint64) error {
	need := uint64(connections)*filesPerConnection + filesBeside
	if need <= limit {
		return nil
	}
	advice := fmt.Sprintf("raise it with ulimit -n %d", need)
	if limit >= filesBeside+filesPerConnection {
		advice += fmt.Sprintf(", or use --connections %d", (limit-filesBeside)/filesPerConnection)
	}
	return fmt.Errorf("--connections %d needs %d open files and the limit is %d: %s", connections, need, limit, advice)
}
