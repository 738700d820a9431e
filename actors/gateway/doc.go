// Package gateway is the HTTP face of many WebSocket connections: an endpoint
// that accepts clients, and a control API that reaches each by its ID.
//
//	feed := &gateway.Feed{}
//	m, err := actors.New(actors.Config{OnEvent: feed.Publish})
//	g, err := gateway.New(gateway.Local(m), gateway.Config{Feed: feed})
//	public := &http.Server{
//		Addr: ":8080", Handler: g,
//		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
//	}
//	go public.ListenAndServe()
//	go http.ListenAndServe("127.0.0.1:8081", g.Control())
//
// # The server in front
//
// What a peer may cost before it has sent a whole request is bounded by the
// http.Server alone, so set ReadHeaderTimeout, IdleTimeout and MaxHeaderBytes
// as above; none of them touches a connection once it is accepted. WebSockets
// need HTTP/1.1: over TLS, offer that alone (TLSConfig.NextProtos), or
// browsers that have spoken HTTP/2 to the server open a second connection.
//
// # The end
//
// First Drain tells the clients, then the manager's Shutdown ends the rest,
// then Close ends what the gateway runs itself, and the server's Close the
// listener: until then a client is answered with 503 and comes back later.
package gateway
