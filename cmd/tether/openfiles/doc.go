// Package openfiles knows the system's limit of open files.
package openfiles
