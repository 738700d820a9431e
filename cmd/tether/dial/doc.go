// Package dial is one supervised connection on the terminal: lines that come
// in are sent, messages that arrive are printed, and what happens to the
// connection is told.
//
// Lines are sent AtLeastOnce: a drop loses none, and may send some twice. A
// peer that answers no pings is therefore dropped when a line was sent to it.
package dial
