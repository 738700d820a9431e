package backend

import (
	"errors"
	"fmt"
)

// ServiceError is an event that the service did not take. It is the failure of
// a connection that was not closed with a code for it.
type ServiceError struct {
	Event    string // opened, message or closed
	Attempts int    // requests made
	Status   int    // of the last answer; 0: there was none
	Err      error  // why there was none; nil if there was one
}

// Error implements error.
func (e *ServiceError) Error() string {
	text := fmt.Sprintf("%s event failed at attempt %d: ", e.Event, e.Attempts)
	if e.Err != nil {
		return text + e.Err.Error()
	}
	return fmt.Sprintf("%sstatus %d", text, e.Status)
}

// Unwrap returns the cause.
func (e *ServiceError) Unwrap() error { return e.Err }

// errLongAnswer is that of an answer over Config.MaxAnswer.
var errLongAnswer = errors.New("answer is too long")
