package metrics_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tetherws/tether/actors/gateway/metrics"
)

// dashboard is what the tests look at of Grafana's model.
type dashboard struct {
	Title      string
	Templating struct{ List []variable }
	Panels     []struct {
		ID         int
		Title      string
		Type       string
		Datasource source
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct {
			Datasource source
			Expr       string
		}
	}
}

type source struct{ Type, UID string }

type variable struct {
	Name, Type, Definition string
	Query                  json.RawMessage
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("grafana.json")
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// queries returns all that the dashboard asks Prometheus.
func (d dashboard) queries() (all []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, v := range d.Templating.List {
		if v.Definition != "" {
			all = append(all, v.Definition)
		}
	}
	return all
}

var (
	metric   = regexp.MustCompile(`\b(?:tether|process|go)_\w+`)
	selector = regexp.MustCompile(`(\w+)\{([^}]*)\}`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"`)
	grouping = regexp.MustCompile(`by \(([^)]*)\) \(.*?((?:tether|process|go)_\w+)`)
	suffix   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

func TestTheDashboardAsksForMetricsThatExist(t *testing.T) {
	names := gathered(t)
	lines := scrape(t, metrics.New(sample()))
	asked := make(map[string]bool)
	for _, query := range readDashboard(t).queries() {
		found := metric.FindAllString(query, -1)
		if len(found) == 0 {
			t.Errorf("no metric is in %s", query)
		}
		for _, name := range found {
			asked[suffix.ReplaceAllString(name, "")] = true
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+" ") || strings.HasPrefix(l, name+"{") }) {
				t.Errorf("%s, in %s, is not exported", name, query)
			}
		}
	}
	for name := range names {
		if !asked[name] {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}

func TestTheDashboardAsksForLabelsThatExist(t *testing.T) {
	names := gathered(t)
	check := func(query, name, label string) {
		known := append([]string{"job", "instance", "le"}, names[suffix.ReplaceAllString(name, "")]...)
		if !slices.Contains(known, label) {
			t.Errorf("%s has no label %s, in %s", name, label, query)
		}
	}
	for _, query := range readDashboard(t).queries() {
		for _, s := range selector.FindAllStringSubmatch(query, -1) {
			for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
				check(query, s[1], m[1])
			}
		}
		for _, g := range grouping.FindAllStringSubmatch(query, -1) {
			for label := range strings.SplitSeq(g[1], ",") {
				check(query, g[2], strings.TrimSpace(label))
			}
		}
	}
}

func TestTheDashboardAsksWhichDataSourceToUse(t *testing.T) {
	d := readDashboard(t)
	if v := d.Templating.List[0]; v.Name != "datasource" || v.Type != "datasource" || string(v.Query) != `"prometheus"` {
		t.Errorf("the first variable is %+v", v)
	}
	want := source{"prometheus", "${datasource}"}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		if p.Datasource != want || len(p.Targets) == 0 {
			t.Errorf("panel %q asks %v for %d queries", p.Title, p.Datasource, len(p.Targets))
		}
		for _, target := range p.Targets {
			if target.Datasource != want || !strings.Contains(target.Expr, `{job=~"$job",instance=~"$instance"`) {
				t.Errorf("panel %q asks %v for %s", p.Title, target.Datasource, target.Expr)
			}
		}
	}
}

func TestThePanelsOfTheDashboardDoNotOverlap(t *testing.T) {
	d := readDashboard(t)
	ids, cells := make(map[int]bool), make(map[[2]int]string)
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %q has no title, or the ID %d of another", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, taken := cells[cell]; taken || cell[0] >= 24 {
					t.Fatalf("panel %q is on top of %q, or outside", p.Title, other)
				}
				cells[cell] = p.Title
			}
		}
	}
}
