package backend

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// sign lets the service see that the request is ours, and when it was sent.
func sign(header http.Header, secret []byte, e event, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s.", timestamp, e.id, e.kind)
	mac.Write(e.body)
	header.Set("Tether-Timestamp", timestamp)
	header.Set("Tether-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
}
