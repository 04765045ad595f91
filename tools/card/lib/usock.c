// SPDX-License-Identifier: GPL-2.0
/*
 * Listening unix sockets in the file system.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "usock.h"

/* A socket file that nobody listens on is left from a crash: remove it. */
static int path_clear(const struct sockaddr_un *sun)
{
	int fd, err = 0;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const void *)sun, sizeof(*sun)) || errno == EAGAIN)
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED)
		err = unlink(sun->sun_path) ? -errno : 0;
	else if (errno != ENOENT)
		err = -errno;
	close(fd);
	return err;
}

int bvf_usock_listen(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int err, fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	err = path_clear(&sun);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	err = bind(fd, (void *)&sun, sizeof(sun)) ? -errno : 0;
	umask(mask);
	if (err)
		goto err_close;
	if (listen(fd, 16)) {
		err = -errno;
		goto err_unlink;
	}
	return fd;

err_unlink:
	unlink(sun.sun_path);
err_close:
	close(fd);
	return err;
}
