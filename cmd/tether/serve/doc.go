// Package serve is the gateway as a program: a public listener for clients, a
// control listener for operators, and a configuration from flags, environment
// and file.
package serve
