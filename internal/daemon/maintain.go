package daemon

import (
	"context"
	"crypto/tls"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/store/etcdstore"
)

// Maintain compacts and defragments the members of etcd, by the certificate in the files if
// they are given: that which the daemons have may do neither. It calls told with each step.
func Maintain(ctx context.Context, cfg *configs.Store, cert, key string, told func(step string)) ([]etcdstore.Maintained, error) {
	if cfg.Etcd == nil {
		return nil, errNoEtcd
	}
	config := etcdConfig(cfg.Etcd)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		config = config.By(pair)
	}
	return etcdstore.Maintain(ctx, config, told)
}
