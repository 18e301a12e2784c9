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

// kernel returns the path of the machines' kernel, which is made when it is
// first asked for and kept in the user's cache.
func kernel() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache of kernels: %w", err)
	}
	sum := sha256.Sum256(append(append([]byte{}, kernelScript...), kernelConfig...))
	dir := filepath.Join(cache, "presenced", fmt.Sprintf("radio-%x", sum[:6]))
	linux := filepath.Join(dir, "linux")
	if _, err := os.Stat(linux); err == nil {
		return linux, nil
	}
	if out, err := exec.Command("./kernel.sh", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a kernel: %w\n%s", err, out)
	}
	return linux, nil
}
