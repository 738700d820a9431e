// Package metrics shows a gateway to Prometheus.
//
//	h := metrics.New(metrics.Sources{Stats: fleet.Stats, Counts: g.Counts, Feed: feed})
//	http.Handle("/metrics", g.Guard(h))
//
// # Metrics
//
// The counts are read at the scrape and cost nothing between. Labels have few
// values, and no metric has one for each connection. Counters start at 0 with
// their process.
//
//	tether_connections{state}              gauge      connections that are held: connecting, open,
//	                                                  backoff, parked, detached, closing
//	tether_opened_total                    counter    openings of sockets, first and again
//	tether_dropped_total                   counter    open sockets that ended unasked
//	tether_closed_total                    counter    connections that ended for good
//	tether_messages_admitted_total         counter    messages taken into outboxes
//	tether_message_outcomes_total{outcome} counter    how they ended: written, confirmed, expired,
//	                                                  replaced, refused, withdrawn, undelivered
//	tether_messages_received_total         counter    data messages from peers
//	tether_received_bytes_total            counter    their payload, decompressed
//	tether_written_bytes_total             counter    payload written to peers, repeats included
//	tether_round_trip_seconds              histogram  from a ping to its pong
//	tether_outage_seconds                  histogram  from a drop to the next opening
//	tether_feed_lost_total                 counter    events that found a listener's buffer full
//	tether_handshakes_accepted_total       counter    clients that were let in
//	tether_handshakes_refused_total{reason} counter   clients that were not: see gateway.Reasons
//	tether_control_requests_total{class}   counter    answers of the control API: 1xx to 5xx
//	tether_build_info{version,goversion}   gauge      always 1
//
// A message waits while it is admitted and has no outcome yet. A client closes
// where it says so by a close frame; that is no drop. A dialed connection whose
// peer closes is one.
//
// [New] adds the Go runtime's (go_...), the process's (process_...) and
// promhttp_metric_handler_errors_total: where it rises, a source did not
// answer, and the scrape went without its metrics.
//
// grafana.json, beside this package's source, is a dashboard of them to import
// into Grafana 10 or later. It asks for the data source.
package metrics
