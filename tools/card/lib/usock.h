/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listening unix sockets in the file system. Knows no protocol.
 */
#ifndef BVF_USOCK_H
#define BVF_USOCK_H

/**
 * bvf_usock_listen() - Create a stream socket, mode 0600
 * @path:	file; one that is left from a crash is replaced
 *
 * Return: descriptor (close-on-exec, non-blocking) or -errno; -EADDRINUSE if
 * a process serves it
 */
int bvf_usock_listen(const char *path);

#endif
