package lab

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed kernel.sh
var kernelScript []byte

//go:embed kernel.config
var kernelConfig []byte

// kernel returns the path of the machines' kernel, or why there is none. It is made
// when it is first asked for, and kept in the user's cache. That takes a network, so
// it is asked for before the lab's world is made, which has none.
func kernel() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Sprintf("find the cache of kernels: %v", err)
	}
	sum := sha256.Sum256(append(append([]byte{}, kernelScript...), kernelConfig...))
	dir := filepath.Join(cache, "presenced", fmt.Sprintf("radio-%x", sum[:6]))
	linux := filepath.Join(dir, "linux")
	if _, err := os.Stat(linux); err == nil {
		return linux
	}
	if out, err := exec.Command("./kernel.sh", dir).CombinedOutput(); err != nil {
		return fmt.Sprintf("make a kernel: %v\n%s", err, out)
	}
	return linux
}
