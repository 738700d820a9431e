package serve

import (
	"io"

	"go.yaml.in/yaml/v3"
)

// print writes the configuration as the YAML file that it could be read from,
// with secrets hidden. Behind each value that is no default stands where it
// came from.
func (c *Config) print(w io.Writer) error {
	root := yaml.Node{Kind: yaml.MappingNode}
	for _, f := range c.layers.flags {
		if c.layers.setting(f.Name) == nil {
			continue
		}
		var value yaml.Node
		if err := value.Encode(f.Target.Interface()); err != nil {
			return err
		}
		value.Style |= yaml.FlowStyle // lists have one line, with the comment behind it
		if at := c.layers.origin(f.Name); at.layer != defaults {
			value.LineComment = at.name
		}
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.Name}, &value)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(&root); err != nil {
		return err
	}
	return encoder.Close()
}
