package demo

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/tetherws/tether/cmd/tether/terminal"
)

// print writes the result, for a program or for people; to these also what it
// means, unless it is a failure, which the error tells.
func (r *Result) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	if _, err := fmt.Fprintln(w, r.table()); err != nil || r.problems() != nil {
		return err
	}
	_, err := fmt.Fprintln(w, terminal.Paint(w, terminal.Green, r.verdict()))
	return err
}

func (r *Result) verdict() string {
	return fmt.Sprintf("All %d connections are open and all %d messages arrived, through %d drops.", r.Connections, r.Sent, r.Drops)
}

func (r *Result) table() string {
	t := table.NewWriter()
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, Align: text.AlignRight},
		{Number: 3, WidthMax: 50, WidthMaxEnforcer: text.WrapSoft},
	})
	t.AppendRows([]table.Row{
		{"connections", r.Connections, ""},
		{"open at the end", r.Open, ""},
		{"drops", r.Drops, nameKinds()},
		{"reconnects", r.Reconnects, fmt.Sprintf("p50 %.0f ms, p99 %.0f ms, at most %.0f ms", r.ReconnectMS.P50, r.ReconnectMS.P99, r.ReconnectMS.Max)},
	})
	t.AppendSeparator()
	t.AppendRows([]table.Row{
		{"sent", r.Sent, fmt.Sprintf("%d more found their outbox full", r.refused)},
		{"confirmed", r.Confirmed, ""},
		{"received", r.ReceivedUnique, "different ones, as the server counts"},
		{"lost", r.Lost, ""},
		{"duplicates", r.Duplicates, "as the server counts"},
	})
	t.AppendSeparator()
	t.AppendRows([]table.Row{
		{"sockets per ID", r.MaxLive, "live at once at most, as the server counts"},
		{"peak memory", fmt.Sprintf("%d MiB", r.PeakRSS>>20), "both ends in one process"},
		{"time", fmt.Sprintf("%.1f s", r.Seconds), ""},
	})
	return t.Render()
}
