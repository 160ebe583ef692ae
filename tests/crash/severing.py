"""Cuts a TCP connection of another process of this user, as a broken network would: the socket is
borrowed (`pidfd_getfd`) and shut down, and both ends learn of it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket

import psutil

_PIDFD_GETFD = 438
"""The system call's number, the same on all architectures."""
_libc = ctypes.CDLL(None, use_errno=True)


def connections(process: psutil.Process, port: int) -> list[int]:
    """Descriptors of a process's connections to a port of this machine."""
    found = process.net_connections("tcp")
    return [c.fd for c in found if c.status == psutil.CONN_ESTABLISHED and c.raddr.port == port]


def listens(process: psutil.Process) -> set[int]:
    """The ports that a process listens on."""
    found = process.net_connections("tcp")
    return {c.laddr.port for c in found if c.status == psutil.CONN_LISTEN}


def sever(process: psutil.Process, descriptor: int) -> bool:
    """Cut a connection; False if it, or its process, has gone meanwhile."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        borrowed = _libc.syscall(_PIDFD_GETFD, handle, descriptor, 0)
        if borrowed < 0:
            number = ctypes.get_errno()
            if number in (errno.EBADF, errno.ESRCH):
                return False
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)
    try:
        with socket.socket(fileno=borrowed) as connection:
            connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return False
    return True
