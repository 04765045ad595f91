/* SPDX-License-Identifier: GPL-2.0 */
/* Version of the card's programs; DESCRIBE tells it to the driver. */
#ifndef BVF_VERSION_H
#define BVF_VERSION_H

#define BVF_CARD_VERSION	0x000100u	/* major << 16 | minor << 8 | patch */

#endif
