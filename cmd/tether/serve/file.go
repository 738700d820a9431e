package serve

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// largestFile bounds the configuration file, in bytes.
const largestFile = 1 << 20

// file returns what the file at path holds; "" is no file. What is wrong with
// it is noted.
func (l *layers) file(path, by string) map[string]entry {
	if path == "" {
		return nil
	}
	root, err := readFile(path)
	if err != nil {
		l.add("%s: %w", by, err)
		return nil
	}
	values, seen := make(map[string]entry), make(map[string]bool)
	for i := 0; i < len(root.Content); i += 2 {
		key := root.Content[i]
		at := origin{file, fmt.Sprintf("%s:%d: %s", path, key.Line, key.Value)}
		f := l.setting(key.Value)
		switch {
		case f == nil:
			l.add("%s is not a setting of tether serve", at.name)
		case seen[key.Value]:
			l.add("%s is set twice", at.name)
		default:
			l.take(values, f, at, root.Content[i+1])
		}
		seen[key.Value] = true
	}
	return values
}

// take puts the value of a setting into the layer, or notes what is wrong.
func (l *layers) take(values map[string]entry, f *kong.Flag, at origin, n *yaml.Node) {
	text, err := plain(n, f.IsSlice())
	if err != nil {
		l.addBad(f.Name, fmt.Errorf("%s %w", at.name, err))
		return
	}
	l.keep(values, f, entry{text, at})
}

// readFile returns the mapping that the file is.
func readFile(path string) (*yaml.Node, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > largestFile:
		return nil, fmt.Errorf("%s is longer than 1MiB", path)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return &yaml.Node{}, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	root := document.Content[0]
	switch {
	case !errors.Is(decoder.Decode(&second), io.EOF):
		return nil, fmt.Errorf("%s must hold one YAML document", path)
	case root.Kind == yaml.ScalarNode && root.Tag == "!!null": // such as ---
		return &yaml.Node{}, nil
	case root.Kind != yaml.MappingNode:
		return nil, fmt.Errorf("%s must be a mapping of settings to values", path)
	}
	return root, nil
}

// plain returns a value, or the values of a list, as they would stand on the
// command line.
func plain(n *yaml.Node, list bool) (string, error) {
	if !list || n.Kind == yaml.ScalarNode {
		return scalar(n)
	}
	if n.Kind != yaml.SequenceNode {
		return "", errors.New("must be a list")
	}
	texts := make([]string, len(n.Content))
	var errs []error
	for i, item := range n.Content {
		var err error
		texts[i], err = scalar(item)
		errs = append(errs, err)
	}
	return kong.JoinEscaped(texts, ','), errors.Join(errs...)
}

func scalar(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", errors.New("must be a plain value")
	case n.Tag == "!!null":
		return "", errors.New("has no value: give one, or leave the line out")
	}
	return n.Value, nil
}
