package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tetherws/tether/cmd/tether/demo"
)

func ExampleRun() {
	var out bytes.Buffer
	cfg := demo.Config{Connections: 10, Duration: 200 * time.Millisecond, Drops: 20, Rate: 100, JSON: true}
	if err := demo.Run(context.Background(), cfg, &out, io.Discard); err != nil {
		fmt.Println(err)
	}
	var result demo.Result
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		fmt.Println(err)
	}
	fmt.Println(result.Open, "open,", result.Lost, "lost")
	// Output: 10 open, 0 lost
}
