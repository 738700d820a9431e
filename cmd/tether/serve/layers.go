package serve

import (
	"fmt"
	"os"
	"reflect"

	"github.com/alecthomas/kong"
)

// layer is a place where values come from. The lower one wins.
type layer int

const (
	commandLine layer = iota
	environment
	file
	defaults
)

// origin is where the value of a setting came from.
type origin struct {
	layer layer
	name  string // what people call the setting there: --path, TETHER_PATH, or tether.yaml:3: path
}

// entry is a value that a layer holds.
type entry struct {
	text   string // as it would stand on the command line
	origin origin
}

// layers finds the value of each setting, and collects what is wrong with them
// so that all of it is told at once.
type layers struct {
	problems
	flags     []*kong.Flag // in the order of the help
	resetting bool         // defaults are being read
	origins   map[string]origin
	below     []map[string]entry // the environment and the file, by flag
}

// Layered has the command line that is being built fill in its Config from all
// layers: flags, TETHER_* variables, one YAML file, and defaults. It is for
// kong.PostBuild.
func Layered(k *kong.Kong) error {
	for _, command := range k.Model.Children {
		if cfg, ok := command.Target.Addr().Interface().(*Config); ok {
			cfg.layers = newLayers(command.Flags)
		}
	}
	return nil
}

func newLayers(flags []*kong.Flag) *layers {
	l := &layers{flags: flags, origins: make(map[string]origin)}
	for _, f := range flags {
		f.Mapper = tolerant{f.Mapper, l}
	}
	return l
}

// BeforeReset is kong's, before it reads the defaults.
func (c *Config) BeforeReset() error {
	c.layers.resetting = true
	return nil
}

// BeforeResolve is kong's, when it has read defaults and flags.
func (c *Config) BeforeResolve(ctx *kong.Context) error {
	l := c.layers
	l.resetting = false
	variables := l.environment(os.Environ())
	l.below = append(l.below, variables, l.file(l.path(ctx)))
	ctx.AddResolver(l)
	return nil
}

// AfterApply is kong's, when every field has its value: it returns all that is
// wrong with them.
func (c *Config) AfterApply() error {
	c.choose()
	c.check()
	return c.layers.err()
}

// Validate implements kong.Resolver.
func (l *layers) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver, for flags that are not given. Kong's own
// reading of the environment would yield to a file.
func (l *layers) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	for _, values := range l.below {
		if e, ok := values[f.Name]; ok {
			return e, nil
		}
	}
	return nil, nil
}

// setting returns the flag by that name if other layers may hold it too, or nil.
func (l *layers) setting(name string) *kong.Flag {
	for _, f := range l.flags {
		if f.Name == name && name != "config" && name != "print-config" {
			return f
		}
	}
	return nil
}

// origin returns where the setting's value came from.
func (l *layers) origin(name string) origin {
	if l != nil {
		if o, ok := l.origins[name]; ok {
			return o
		}
	}
	return origin{defaults, "--" + name}
}

// tolerant reads values as the mapper does, and notes where they come from. A
// bad one is noted in place of being an error, which would end the reading.
type tolerant struct {
	kong.Mapper
	layers *layers
}

// Decode implements kong.Mapper.
func (t tolerant) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	l, name := t.layers, ctx.Value.Name
	if l.resetting {
		return t.Mapper.Decode(ctx, target)
	}
	if e, ok := ctx.Scan.Peek().Value.(entry); ok { // which was judged
		l.origins[name] = e.origin
		return t.Mapper.Decode(ctx.WithScanner(e.scan()), target)
	}
	l.origins[name] = origin{commandLine, "--" + name}
	l.judge(name, l.origins[name], t.Mapper.Decode(ctx, target), target)
	return nil
}

// keep puts a value into a layer if it is good, also where a higher layer has
// another: all that is wrong is told at once.
func (l *layers) keep(values map[string]entry, f *kong.Flag, e entry) {
	scratch := reflect.New(f.Target.Type()).Elem()
	err := f.Mapper.(tolerant).Mapper.Decode(&kong.DecodeContext{Value: f.Value, Scan: e.scan()}, scratch)
	if l.judge(f.Name, e.origin, err, scratch) {
		values[f.Name] = e
	}
}

func (e entry) scan() *kong.Scanner { return kong.Scan().PushTyped(e.text, kong.FlagValueToken) }

// judge notes what is wrong with a value of the setting: that it could not be
// read, for err, or what its rule says. It reports whether the value is good.
func (l *layers) judge(setting string, at origin, err error, value reflect.Value) bool {
	rule, ruled := rules[setting]
	switch {
	case err != nil:
		l.addBad(setting, fmt.Errorf("%s: %w", at.name, err))
	case ruled && !rule.good(value.Interface()):
		l.addBad(setting, fmt.Errorf("%s must %s", at.name, rule.must))
	default:
		return true
	}
	return false
}
