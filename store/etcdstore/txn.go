package etcdstore

import (
	"bytes"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

const (
	// mostOps is how many comparisons, and how many operations, a transaction may have: a
	// member refuses more than 128, unless it was told otherwise, and [Store.write] adds one.
	mostOps = 127

	// mostOctets of keys and values are written at once; a member refuses 1.5 MiB.
	mostOctets = 512 << 10
)

// stored is a value as it is in etcd.
type stored struct {
	value []byte // nil: there is none
	rev   int64  // of its latest change; 0: there is none
}

func found(kvs []*mvccpb.KeyValue) stored {
	if len(kvs) == 0 {
		return stored{}
	}
	return stored{append([]byte{}, kvs[0].Value...), kvs[0].ModRevision}
}

// writes are what a transaction writes, by key.
type writes struct {
	puts map[string][]byte
	gone map[string]string // what is erased, up to the other key: "" if it is the one alone
	size int
}

func newWrites() writes { return writes{puts: map[string][]byte{}, gone: map[string]string{}} }

func (w *writes) put(key, value []byte) {
	delete(w.gone, string(key))
	w.puts[string(key)] = value
	w.size += len(key) + len(value)
}

func (w *writes) erase(key []byte) {
	delete(w.puts, string(key))
	w.gone[string(key)] = ""
	w.size += len(key)
}

// eraseAll erases what begins with the key, of which nothing is put.
func (w *writes) eraseAll(key []byte) {
	w.gone[string(key)] = string(beyond(key))
	w.size += 2 * len(key)
}

func (w *writes) len() int { return len(w.puts) + len(w.gone) }

// ops are the operations, in the order of the keys.
func (w *writes) ops() (all []*etcdserverpb.RequestOp) {
	for _, key := range slices.Sorted(maps.Keys(w.gone)) {
		all = append(all, &etcdserverpb.RequestOp{Request: &etcdserverpb.RequestOp_RequestDeleteRange{
			RequestDeleteRange: &etcdserverpb.DeleteRangeRequest{Key: []byte(key), RangeEnd: []byte(w.gone[key])},
		}})
	}
	for _, key := range slices.Sorted(maps.Keys(w.puts)) {
		all = append(all, &etcdserverpb.RequestOp{Request: &etcdserverpb.RequestOp_RequestPut{
			RequestPut: &etcdserverpb.PutRequest{Key: []byte(key), Value: w.puts[key]},
		}})
	}
	return all
}

// parted takes out the values whose keys are such, or what is erased, in parts that a
// transaction has room for.
func (w *writes) parted(erased bool, such func(key []byte) bool) (parts []writes) {
	part := newWrites()
	from := slices.Sorted(maps.Keys(w.puts))
	if erased {
		from = slices.Sorted(maps.Keys(w.gone))
	}
	for i, key := range from {
		if such([]byte(key)) {
			if erased {
				part.gone[key] = w.gone[key]
				delete(w.gone, key)
			} else {
				part.put([]byte(key), w.puts[key])
				w.size -= len(key) + len(w.puts[key])
				delete(w.puts, key)
			}
		}
		if part.len() == mostOps || part.size > mostOctets || i == len(from)-1 && part.len() > 0 {
			parts, part = append(parts, part), newWrites()
		}
	}
	return parts
}

// unchanged compares the key's latest change with the one that was read.
func unchanged(key []byte, rev int64) *etcdserverpb.Compare {
	return &etcdserverpb.Compare{
		Key: key, Result: etcdserverpb.Compare_EQUAL, Target: etcdserverpb.Compare_MOD, TargetUnion: &etcdserverpb.Compare_ModRevision{ModRevision: rev},
	}
}

// get reads one key, or those up to the other one, as one operation of a transaction.
func get(key, end []byte) *etcdserverpb.RequestOp {
	return &etcdserverpb.RequestOp{Request: &etcdserverpb.RequestOp_RequestRange{RequestRange: &etcdserverpb.RangeRequest{Key: key, RangeEnd: end}}}
}

// stamp is how a value of a person says who wrote it, in which transaction.
type stamp struct {
	daemon string
	txn    [8]byte
}

// wrap returns the value of a document that was written so.
func (t stamp) wrap(document []byte) []byte {
	b := append(make([]byte, 0, 1+len(t.daemon)+len(t.txn)+len(document)), byte(len(t.daemon)))
	return append(append(append(b, t.daemon...), t.txn[:]...), document...)
}

// unwrap returns the stamp of a value and the document in it. What is no such value is
// all document, which its codec will say.
func unwrap(value []byte) (t stamp, document []byte) {
	if len(value) == 0 {
		return t, nil
	}
	n := int(value[0])
	if len(value) < 1+n+len(t.txn) {
		return t, value
	}
	t.daemon = string(value[1 : 1+n])
	copy(t.txn[:], value[1+n:])
	return t, bytes.Clone(value[1+n+len(t.txn):])
}
