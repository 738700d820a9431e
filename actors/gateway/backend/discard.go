package backend

import "github.com/tetherws/tether/actors"

// Discard takes messages and does nothing with them. The manager counts them.
type Discard struct{ actors.BaseHandler }
