# Becomes the program of its arguments, which the kernel then kills when the process that started it ends.
# usage: guard.py PARENT_PID PROGRAM ARGUMENT...
import ctypes, os, signal, sys

PR_SET_PDEATHSIG = 1
try:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
except AttributeError:
    pass  # not Linux
if os.getppid() != int(sys.argv[1]):
    sys.exit("the process that started this one is gone")
os.execv(sys.argv[2], sys.argv[2:])
