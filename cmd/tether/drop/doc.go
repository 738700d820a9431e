// Package drop is a proxy on the terminal that drops the WebSocket connections
// which pass through it: by a script, by a mix of faults, or when it is asked
// to over HTTP. It tells what both ends have seen.
package drop
