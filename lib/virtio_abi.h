/* SPDX-License-Identifier: MIT */
/*
 * What driver and device of a virtio-mmio block device agree on: registers, bits, and the layout of
 * rings and requests, little-endian. Names are the specification's, virtio 1.2; each group names
 * its section. Used by devices/ on one side and by guest-driver/ on the other.
 */
#ifndef LIB_VIRTIO_ABI_H
#define LIB_VIRTIO_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Registers of the transport, of 32 bits but for the configuration. 4.2.2. */
enum virtio_mmio_register {
	VIRTIO_MMIO_MAGIC_VALUE = 0x000,
	VIRTIO_MMIO_VERSION = 0x004,
	VIRTIO_MMIO_DEVICE_ID = 0x008,
	VIRTIO_MMIO_VENDOR_ID = 0x00c,
	VIRTIO_MMIO_DEVICE_FEATURES = 0x010,
	VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014,
	VIRTIO_MMIO_DRIVER_FEATURES = 0x020,
	VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024,
	VIRTIO_MMIO_QUEUE_SEL = 0x030,
	VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034,
	VIRTIO_MMIO_QUEUE_NUM = 0x038,
	VIRTIO_MMIO_QUEUE_READY = 0x044,
	VIRTIO_MMIO_QUEUE_NOTIFY = 0x050,
	VIRTIO_MMIO_INTERRUPT_STATUS = 0x060,
	VIRTIO_MMIO_INTERRUPT_ACK = 0x064,
	VIRTIO_MMIO_STATUS = 0x070,
	VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080,
	VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084,
	VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090,
	VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094,
	VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0,
	VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4,
	VIRTIO_MMIO_SHM_SEL = 0x0ac,
	VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0,
	VIRTIO_MMIO_SHM_LEN_HIGH = 0x0b4,
	VIRTIO_MMIO_SHM_BASE_LOW = 0x0b8,
	VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc,
	VIRTIO_MMIO_QUEUE_RESET = 0x0c0,
	VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc,
	VIRTIO_MMIO_CONFIG = 0x100,
};

#define VIRTIO_MMIO_REGISTERS_SIZE 0x200u
#define VIRTIO_MMIO_MAGIC          0x74726976u /* "virt" */
#define VIRTIO_MMIO_VERSION_LEGACY 1u
#define VIRTIO_MMIO_VERSION_MODERN 2u
#define VIRTIO_ID_BLOCK            2u

/* InterruptStatus and InterruptACK. 4.2.2. */
#define VIRTIO_INTERRUPT_USED_BUFFER 0x1u
#define VIRTIO_INTERRUPT_CONFIG      0x2u

/* Status. 2.1. */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VIRTIO_STATUS_DRIVER      0x02u
#define VIRTIO_STATUS_DRIVER_OK   0x04u
#define VIRTIO_STATUS_FEATURES_OK 0x08u
#define VIRTIO_STATUS_NEEDS_RESET 0x40u
#define VIRTIO_STATUS_FAILED      0x80u

/* Feature bits of every device. 6. */
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)
#define VIRTIO_F_VERSION_1     (1ull << 32)
#define VIRTIO_F_RING_PACKED   (1ull << 34)
#define VIRTIO_F_IN_ORDER      (1ull << 35)
#define VIRTIO_F_RING_RESET    (1ull << 40)

/* Feature bits of the block device. 5.2.3. */
#define VIRTIO_BLK_F_SIZE_MAX     (1ull << 1)
#define VIRTIO_BLK_F_SEG_MAX      (1ull << 2)
#define VIRTIO_BLK_F_RO           (1ull << 5)
#define VIRTIO_BLK_F_BLK_SIZE     (1ull << 6)
#define VIRTIO_BLK_F_FLUSH        (1ull << 9)
#define VIRTIO_BLK_F_TOPOLOGY     (1ull << 10)
#define VIRTIO_BLK_F_CONFIG_WCE   (1ull << 11)
#define VIRTIO_BLK_F_MQ           (1ull << 12)
#define VIRTIO_BLK_F_DISCARD      (1ull << 13)
#define VIRTIO_BLK_F_WRITE_ZEROES (1ull << 14)

/* Flags of a descriptor. 2.7.5, and 2.8.1 for the last two, which only a packed ring has. */
#define VIRTQ_DESC_F_NEXT     0x0001u
#define VIRTQ_DESC_F_WRITE    0x0002u
#define VIRTQ_DESC_F_INDIRECT 0x0004u
#define VIRTQ_DESC_F_AVAIL    0x0080u
#define VIRTQ_DESC_F_USED     0x8000u

/* The split ring: descriptors, 2.7.5; available, 2.7.6; used, 2.7.8. */
struct virtq_split_descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};
_Static_assert(sizeof(struct virtq_split_descriptor) == 16, "virtio 1.2, 2.7.5");

struct virtq_split_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[]; /* one for each descriptor, and behind them used_event */
};
_Static_assert(offsetof(struct virtq_split_avail, ring) == 4, "virtio 1.2, 2.7.6");

struct virtq_split_used_element {
	uint32_t id;
	uint32_t len;
};
_Static_assert(sizeof(struct virtq_split_used_element) == 8, "virtio 1.2, 2.7.8");

struct virtq_split_used {
	uint16_t flags;
	uint16_t idx;
	struct virtq_split_used_element ring[]; /* and behind them avail_event */
};
_Static_assert(offsetof(struct virtq_split_used, ring) == 4, "virtio 1.2, 2.7.8");

#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u /* 2.7.6 */
#define VIRTQ_USED_F_NO_NOTIFY     1u /* 2.7.8 */

#define VIRTQ_SPLIT_DESCRIPTOR_ALIGN 16u /* 2.7 */
#define VIRTQ_SPLIT_AVAIL_ALIGN      2u
#define VIRTQ_SPLIT_USED_ALIGN       4u
#define VIRTQ_SPLIT_MAX_SIZE         32768u

/* Bytes of the two rings with their event words. 2.7. */
static inline uint64_t virtq_split_avail_bytes(uint32_t size)
{
	return 4 + 2ull * size + 2;
}

static inline uint64_t virtq_split_used_bytes(uint32_t size)
{
	return 4 + 8ull * size + 2;
}

/* The packed ring: descriptors, 2.8.13; event suppression, 2.8.14. */
struct virtq_packed_descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};
_Static_assert(sizeof(struct virtq_packed_descriptor) == 16, "virtio 1.2, 2.8.13");

struct virtq_packed_event {
	uint16_t offset_wrap; /* bits 14:0 a place in the ring, bit 15 its wrap counter */
	uint16_t flags;
};
_Static_assert(sizeof(struct virtq_packed_event) == 4, "virtio 1.2, 2.8.14");

#define VIRTQ_PACKED_EVENT_ENABLE     0u
#define VIRTQ_PACKED_EVENT_DISABLE    1u
#define VIRTQ_PACKED_EVENT_DESCRIPTOR 2u
#define VIRTQ_PACKED_EVENT_WRAP       0x8000u

#define VIRTQ_PACKED_DESCRIPTOR_ALIGN 16u /* 2.8 */
#define VIRTQ_PACKED_EVENT_ALIGN      4u
#define VIRTQ_PACKED_MAX_SIZE         32768u

/* Requests of the block device. 5.2.6. */
enum virtio_blk_type {
	VIRTIO_BLK_T_IN = 0,
	VIRTIO_BLK_T_OUT = 1,
	VIRTIO_BLK_T_FLUSH = 4,
	VIRTIO_BLK_T_GET_ID = 8,
	VIRTIO_BLK_T_GET_LIFETIME = 10,
	VIRTIO_BLK_T_DISCARD = 11,
	VIRTIO_BLK_T_WRITE_ZEROES = 13,
	VIRTIO_BLK_T_SECURE_ERASE = 14,
};

enum virtio_blk_status {
	VIRTIO_BLK_S_OK = 0,
	VIRTIO_BLK_S_IOERR = 1,
	VIRTIO_BLK_S_UNSUPP = 2,
};

#define VIRTIO_BLK_SECTOR_SIZE 512u
#define VIRTIO_BLK_ID_SIZE     20u

struct virtio_blk_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};
_Static_assert(sizeof(struct virtio_blk_header) == 16, "virtio 1.2, 5.2.6");

/* A segment of DISCARD or WRITE_ZEROES. */
struct virtio_blk_range {
	uint64_t sector;
	uint32_t num_sectors;
	uint32_t flags;
};
_Static_assert(sizeof(struct virtio_blk_range) == 16, "virtio 1.2, 5.2.6");

#define VIRTIO_BLK_RANGE_F_UNMAP 1u

/* The device's configuration, at VIRTIO_MMIO_CONFIG. 5.2.4. */
struct virtio_blk_config {
	uint64_t capacity; /* in sectors of 512 bytes */
	uint32_t size_max;
	uint32_t seg_max;
	uint16_t cylinders;
	uint8_t heads;
	uint8_t sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback;
	uint8_t unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
	uint32_t max_secure_erase_sectors;
	uint32_t max_secure_erase_seg;
	uint32_t secure_erase_sector_alignment;
};
_Static_assert(offsetof(struct virtio_blk_config, blk_size) == 20, "virtio 1.2, 5.2.4");
_Static_assert(offsetof(struct virtio_blk_config, writeback) == 32, "virtio 1.2, 5.2.4");
_Static_assert(offsetof(struct virtio_blk_config, max_discard_sectors) == 36, "virtio 1.2, 5.2.4");
_Static_assert(
	offsetof(struct virtio_blk_config, max_write_zeroes_sectors) == 48, "virtio 1.2, 5.2.4");
_Static_assert(
	offsetof(struct virtio_blk_config, write_zeroes_may_unmap) == 56, "virtio 1.2, 5.2.4");
_Static_assert(sizeof(struct virtio_blk_config) == 72, "virtio 1.2, 5.2.4");

#endif
