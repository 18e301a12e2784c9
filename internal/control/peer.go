package control

import (
	"context"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Peer is the process that gave an order, as the kernel tells (SO_PEERCRED).
type Peer struct {
	PID  int // 0 if the kernel does not tell
	UID  int
	Name string // of the user; the id if it has none
}

type peerKey struct{}

// withPeer notes who is at the other end of a connection.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return ctx
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}) != nil || err != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, Peer{PID: int(cred.Pid), UID: int(cred.Uid)})
}

// order answers an order, and tells of it.
func (s *Server) order(w http.ResponseWriter, r *http.Request, order string, v any, err error) {
	if s.Ordered != nil {
		s.Ordered(peerOf(r), order, err)
	}
	object(w, v, err)
}

// peerOf returns who asks.
func peerOf(r *http.Request) Peer {
	by, _ := r.Context().Value(peerKey{}).(Peer)
	if by.Name = strconv.Itoa(by.UID); by.PID == 0 {
		by.Name = "unknown"
	} else if account, err := user.LookupId(by.Name); err == nil {
		by.Name = account.Username
	}
	return by
}

// reads tells of who reads people's data, and then has it read.
func (s *Server) reads(what string, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.Read != nil {
			s.Read(peerOf(r), what)
		}
		then(w, r)
	}
}

// chosen says which sessions q chooses, without naming a person or a device.
func (q SessionQuery) chosen() string {
	var words []string
	if q.User != "" {
		words = append(words, "a user's")
	}
	if q.Device != "" {
		words = append(words, "a device's")
	}
	for _, by := range [][2]string{{"NAS", q.NAS}, {"site", q.Site}} {
		if by[1] != "" {
			words = append(words, by[0]+" "+by[1])
		}
	}
	return strings.Join(words, ", ")
}
