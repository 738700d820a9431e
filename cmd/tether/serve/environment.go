package serve

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

const (
	prefix       = "TETHER_"
	pathVariable = prefix + "CONFIG"
)

// serviceLink is what Kubernetes sets in each container for a service by the
// name of "tether"; it is none of ours.
var serviceLink = regexp.MustCompile(`_SERVICE_(HOST|PORT(_.+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)

// environment returns what the variables hold. Unknown ones with our prefix
// are noted.
func (l *layers) environment(variables []string) map[string]entry {
	values := make(map[string]entry)
	for _, variable := range slices.Sorted(slices.Values(variables)) {
		name, text, _ := strings.Cut(variable, "=")
		setting, ours := strings.CutPrefix(name, prefix)
		setting = strings.ToLower(strings.ReplaceAll(setting, "_", "-"))
		f := l.setting(setting)
		switch {
		case !ours || text == "" || name == pathVariable || serviceLink.MatchString(name):
		case f == nil || name != variableOf(setting):
			l.add("%s is not a variable of tether serve", name)
		default:
			l.keep(values, f, entry{text, origin{environment, name}})
		}
	}
	return values
}

// variableOf returns the variable of a flag.
func variableOf(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// path returns the file to read, "" for none, and who named it: the flag or the
// environment.
func (l *layers) path(ctx *kong.Context) (path, by string) {
	for _, f := range l.flags {
		if path, _ := ctx.FlagValue(f).(string); f.Name == "config" && path != "" {
			return path, "--config"
		}
	}
	return os.Getenv(pathVariable), pathVariable
}
