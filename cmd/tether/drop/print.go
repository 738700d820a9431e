package drop

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/tetherws/tether/supervision/drops"
)

// report writes the counts, for a program or for people.
func report(w io.Writer, c drops.ProxyCounts, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(c)
	}
	_, err := fmt.Fprintln(w, render(c))
	return err
}

func render(c drops.ProxyCounts) string {
	t := table.NewWriter()
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, Align: text.AlignRight}})
	t.AppendRows([]table.Row{
		{"accepted", c.Accepted, "upgrades passed on"},
		{"refused", c.Refused, "handshakes, by a fault"},
		{"declined", c.Declined, "handshakes, by the server"},
		{"failed", c.Failed, "handshakes that reached no server"},
		{"live", c.Live, fmt.Sprintf("at the end; %d silenced, and %d more closing", c.Silenced, c.Closing)},
	})
	t.AppendSeparator()
	t.AppendRow(table.Row{"faults", sum(c.Faults), list(c.Faults)})
	t.AppendSeparator()
	t.AppendRows([]table.Row{
		{"ended by faults", sum(c.Ends.Faults), list(c.Ends.Faults)},
		endsRow("ended by clients", c.Ends.Client),
		endsRow("ended by the server", c.Ends.Server),
	})
	t.AppendSeparator()
	t.AppendRows([]table.Row{
		trafficRow("clients sent", c.FromClient),
		trafficRow("the server sent", c.FromServer),
	})
	return t.Render()
}

func endsRow(name string, e drops.PeerEnds) table.Row {
	return table.Row{name, sum(e.Close) + e.FIN + e.RST, fmt.Sprintf("FIN %d, RST %d, close frames: %s", e.FIN, e.RST, list(e.Close))}
}

func trafficRow(name string, t drops.ProxyTraffic) table.Row {
	return table.Row{name, t.Messages, fmt.Sprintf("messages, in %d bytes; pings %d, pongs %d, close codes: %s", t.Bytes, t.Pings, t.Pongs, list(t.CloseCodes))}
}

func sum[K comparable](counts map[K]uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}
