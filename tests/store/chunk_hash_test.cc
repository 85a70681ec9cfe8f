#include "jetway/store/chunk_hash.h"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

class ChunkHashTest : public testing::Test {
 protected:
  File file_of(std::size_t size) {
    content_.resize(size);
    SeededRandom{size}.fill(content_);
    dir_.write("file", as_text(content_));
    return File{Descriptor{::open((dir_ / "file").c_str(), O_RDONLY | O_CLOEXEC)}, dir_ / "file"};
  }
  crypto::Hash256 hash_of(std::size_t begin, std::size_t size) const {
    return crypto::blake3(ByteView{content_}.subspan(begin, size));
  }

  TempDir dir_;
  Bytes content_;
};

TEST_F(ChunkHashTest, ChunksAreHashedOnAFixedGridAndTheLastIsShort) {
  const File file = file_of(2 * kChunkGridBytes + 100);
  const auto hashes = hash_chunks(file, 0, 10);
  ASSERT_STORED(hashes);
  EXPECT_EQ(*hashes, (std::vector{hash_of(0, kChunkGridBytes), hash_of(kChunkGridBytes, kChunkGridBytes),
                                  hash_of(2 * kChunkGridBytes, 100)}));
}

TEST_F(ChunkHashTest, ARangeOfChunksIsThatPartOfTheGrid) {
  const File file = file_of(10 * 1000);
  const auto hashes = hash_chunks(file, 4, 2, 1000);
  ASSERT_STORED(hashes);
  EXPECT_EQ(*hashes, (std::vector{hash_of(4000, 1000), hash_of(5000, 1000)}));
}

TEST_F(ChunkHashTest, ChunksLargerThanOneReadAreHashedWhole) {
  const std::uint32_t chunk_bytes = 3 * kChunkGridBytes + 5;
  const File file = file_of(chunk_bytes + 7);
  const auto hashes = hash_chunks(file, 0, 5, chunk_bytes);
  ASSERT_STORED(hashes);
  EXPECT_EQ(*hashes, (std::vector{hash_of(0, chunk_bytes), hash_of(chunk_bytes, 7)}));
}

TEST_F(ChunkHashTest, NothingComesFromBehindTheEnd) {
  EXPECT_TRUE(hash_chunks(file_of(0), 0, 5)->empty());
  EXPECT_EQ(hash_chunks(file_of(2000), 0, 5, 1000)->size(), 2u);
  EXPECT_TRUE(hash_chunks(file_of(2000), 2, 5, 1000)->empty());
  EXPECT_TRUE(hash_chunks(file_of(2000), 0, 0, 1000)->empty());
}

TEST_F(ChunkHashTest, AReadThatFailsIsAnError) {
  const File directory{Descriptor{::open(dir_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)},
                       dir_.path()};
  EXPECT_EQ(code_of(hash_chunks(directory, 0, 1)), StoreErrc::IsADirectory);
}

}  // namespace
}  // namespace jetway::store
