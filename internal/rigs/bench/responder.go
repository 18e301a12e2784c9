package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"
	"golang.org/x/net/ipv4"
)

// respond serves Accounting-Requests until conn is closed: it reads what waits,
// calls record with it, and answers each. It is the least that a server in Go has to
// do; if record does nothing it shows what the load generator can measure at all.
func respond(conn *net.UDPConn, record func(packets [][]byte) error) error {
	const most = 1024 // packets in a batch
	batch := ipv4.NewPacketConn(conn)
	in, out := make([]ipv4.Message, most), make([]ipv4.Message, most)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 4096, 4096+len(secret))}
		out[i].Buffers = [][]byte{make([]byte, 0, 64)}
	}
	packets := make([][]byte, 0, most)
	for {
		n, err := batch.ReadBatch(in, 0)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		packets = packets[:0]
		for _, m := range in[:n] {
			if packet, ok := authenticRequest(m.Buffers[0][:m.N]); ok {
				o := &out[len(packets)]
				o.Buffers[0] = answer(o.Buffers[0], packet)
				o.Addr = m.Addr
				packets = append(packets, packet)
			}
		}
		if err := record(packets); err != nil {
			return err
		}
		for answers := out[:len(packets)]; len(answers) > 0; {
			n, err := batch.WriteBatch(answers, 0)
			if err != nil {
				return err
			}
			answers = answers[n:]
		}
	}
}

// yardstick returns a function that puts each packet into a bbolt file in dir,
// under its User-Name, with one commit for all: the least that a durable server
// on bbolt has to do, which decodes and concludes nothing.
func yardstick(dir string) (func(packets [][]byte) error, error) {
	file := filepath.Join(dir, "yardstick.db")
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{
		FreelistType: bbolt.FreelistMapType, NoFreelistSync: true, InitialMmapSize: 1 << 30,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	bucket := []byte("records")
	return func(packets [][]byte) error {
		return db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(bucket)
			if err != nil {
				return err
			}
			for _, packet := range packets {
				if err := b.Put(attribute(packet, userName), packet); err != nil {
					return err
				}
			}
			return nil
		})
	}, nil
}

// listen returns a socket with the receive buffer of 8 MiB that
// presenced.socket asks for, by force if we may: the default holds 166 packets.
func listen(address string) (*net.UDPConn, error) {
	const size = 8 << 20
	pc, err := net.ListenPacket("udp4", address)
	if err != nil {
		return nil, err
	}
	conn := pc.(*net.UDPConn)
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	var forced error
	err = raw.Control(func(fd uintptr) {
		forced = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, size)
	})
	if err == nil && forced != nil {
		err = conn.SetReadBuffer(size)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
