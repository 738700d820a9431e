// Package actors holds many WebSocket connections and keeps them alive.
package actors
