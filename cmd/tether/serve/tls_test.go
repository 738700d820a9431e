package serve_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/websocket"
)

// certify writes a new certificate for loopback by that name, and its key.
func certify(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	replace(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}))
	replace(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	return cert, key
}

func replace(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func hangUp(t *testing.T) {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func host(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// shakeHands returns what the server says of itself.
func shakeHands(t *testing.T, url string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	config.InsecureSkipVerify = true
	conn, err := tls.Dial("tcp", host(url), config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

func commonName(t *testing.T, url string) string {
	t.Helper()
	state, err := shakeHands(t, url, &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return state.PeerCertificates[0].Subject.CommonName
}

func TestTLSIs12OrLaterAndSpeaksHTTP1Alone(t *testing.T) {
	cert, key := certify(t, t.TempDir(), "one")
	r := begin(t, "--echo", "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(r.ws, "wss://") || !strings.HasPrefix(r.control, "http://") {
		t.Errorf("clients connect at %s, operators at %s", r.ws, r.control)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		state, err := shakeHands(t, r.ws, &tls.Config{MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil || state.Version != version || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("%s: %v, protocol %q", tls.VersionName(version), err, state.NegotiatedProtocol)
		}
	}
	if _, err := shakeHands(t, r.ws, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	conn, _, err := dialer.Dial(r.ws, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(generous))
	wantEcho(t, conn, "hello")
}

func TestOperatorsBeyondLoopbackHaveTLSToo(t *testing.T) {
	cert, key := certify(t, t.TempDir(), "one")
	t.Setenv("TETHER_CONTROL_TOKEN", "token")
	r := begin(t, "--tls-cert", cert, "--tls-key", key, "--control=0.0.0.0:0")
	if !strings.HasPrefix(r.control, "https://") {
		t.Errorf("operators connect at %s", r.control)
	}
	if strings.Contains(r.stderr.String(), "in clear") {
		t.Error("a token that is encrypted is said to travel in clear")
	}
	begin(t, "--control=0.0.0.0:0").stderr.await(t, `"WARN".*(token travels in clear)`)
}

func TestAtSIGHUPTheCertificateIsReadAgainAndABadOneLeavesTheOld(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, "one")
	r := begin(t, "--tls-cert", cert, "--tls-key", key)
	if name := commonName(t, r.ws); name != "one" {
		t.Fatalf("the certificate is of %q", name)
	}
	certify(t, dir, "two")
	hangUp(t)
	r.stderr.await(t, `"INFO","msg":"(read again)"`)
	if name := commonName(t, r.ws); name != "two" {
		t.Errorf("the certificate is of %q after a SIGHUP", name)
	}
	replace(t, cert, []byte("nonsense"))
	hangUp(t)
	r.stderr.await(t, `"ERROR","msg":"could not read again, and kept the (old)"`)
	if name := commonName(t, r.ws); name != "two" {
		t.Errorf("the certificate is of %q after a bad one", name)
	}
}

func TestAtSIGHUPTheKeyOfTokensIsReadAgainAndABadOneLeavesTheOld(t *testing.T) {
	old, new := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	file := filepath.Join(t.TempDir(), "key")
	replace(t, file, old)
	r := begin(t, "--jwt-key", file)
	r.stderr.await(t, `"authorization":"(jwt)"`)
	wantStatus := func(key []byte, want int) {
		t.Helper()
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "me", "exp": time.Now().Add(time.Hour).Unix()}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		conn, answer, err := websocket.DefaultDialer.Dial(r.ws, http.Header{"Authorization": {"Bearer " + token}})
		if answer == nil || answer.StatusCode != want {
			t.Fatalf("answered %v, %v, want %d", answer, err, want)
		}
		if err == nil {
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			_ = conn.Close()
		}
	}
	wantStatus(old, http.StatusSwitchingProtocols)
	wantStatus(new, http.StatusUnauthorized)
	replace(t, file, new)
	hangUp(t)
	r.stderr.await(t, `"INFO","msg":"(read again)"`)
	wantStatus(old, http.StatusUnauthorized)
	wantStatus(new, http.StatusSwitchingProtocols)
	replace(t, file, []byte("short"))
	hangUp(t)
	r.stderr.await(t, `"ERROR","msg":"could not read again, and kept the (old)"`)
	wantStatus(new, http.StatusSwitchingProtocols)
}
