package lab

import "path/filepath"

// freeradius runs the server configured in dir on the machine and returns when
// it is ready.
func (l *Lab) freeradius(name string, h host, dir string) *process {
	l.t.Helper()
	p := l.start("FreeRADIUS "+name, h.command("freeradius", "-f", "-xx", "-l", "stdout", "-d", dir))
	p.says("Ready to process requests", 0)
	return p
}

// libraries is where FreeRADIUS keeps its modules.
func libraries() string {
	for _, dir := range []string{"/usr/lib/freeradius", "/usr/lib64/freeradius"} {
		if found, _ := filepath.Glob(dir + "/rlm_eap.so"); found != nil {
			return dir
		}
	}
	return "/usr/lib/freeradius"
}
