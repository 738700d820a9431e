//go:build !race

package drops_test

const racing = false
