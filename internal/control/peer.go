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
		by, _ := r.Context().Value(peerKey{}).(Peer)
		if by.Name = strconv.Itoa(by.UID); by.PID == 0 {
			by.Name = "unknown"
		} else if account, err := user.LookupId(by.Name); err == nil {
			by.Name = account.Username
		}
		s.Ordered(by, order, err)
	}
	object(w, v, err)
}

// chosen says which sessions q chooses, without naming a person.
func (q SessionQuery) chosen() string {
	var words []string
	if q.User != "" {
		words = append(words, "a user's")
	}
	for _, by := range [][2]string{{"device", q.Device}, {"NAS", q.NAS}, {"site", q.Site}} {
		if by[1] != "" {
			words = append(words, by[0]+" "+by[1])
		}
	}
	return strings.Join(words, ", ")
}
