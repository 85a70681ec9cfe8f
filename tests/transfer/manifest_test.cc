#include "jetway/transfer/manifest.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"
#include "jetway/transfer/chunk_grid.h"
#include "tests/transfer/number_hash.h"

namespace jetway::transfer {
namespace {

Entry file(std::string_view path, std::uint64_t size = 1) {
  return {.path = path, .size = size, .mode = 0644};
}
Entry directory(std::string_view path) {
  return {.type = EntryType::Directory, .path = path, .mode = 0755, .modified_ns = -5};
}
Entry symlink(std::string_view path, std::string_view target) {
  return {.type = EntryType::Symlink, .path = path, .mode = 0777, .link_target = target};
}

TEST(ChunkGridTest, SpansCoverTheFileOnceInOrder) {
  for (const std::uint64_t size : {0ull, 1ull, 99ull, 100ull, 101ull, 1000ull, 1001ull}) {
    const ChunkGrid grid(size, 100);
    std::uint64_t offset = 0;
    for (std::uint64_t i = 0; i < grid.count(); ++i) {
      EXPECT_EQ(grid.span(i).offset, offset);
      EXPECT_GT(grid.span(i).length, 0u);
      offset += grid.span(i).length;
    }
    EXPECT_EQ(offset, size);
  }
  EXPECT_EQ(ChunkGrid(kFileMaxBytes).count(), kFileMaxBytes / kChunkBytes);
}

RC_GTEST_PROP(EntryTablePropertyTest, GivesBackWhatWasPutIn, ()) {
  EntryTable table;
  std::vector<std::tuple<std::string, std::string, std::uint64_t, std::int64_t>> model;
  const auto count = *rc::gen::inRange(0, 300);
  for (int i = 0; i < count; ++i) {
    const std::string path(*rc::gen::inRange<std::size_t>(1, 4095), static_cast<char>('a' + i % 26));
    const std::string target(*rc::gen::inRange<std::size_t>(0, 4095), 't');
    const auto size = *rc::gen::arbitrary<std::uint64_t>();
    const auto time = *rc::gen::arbitrary<std::int64_t>();
    model.emplace_back(path, target, size, time);
    const Entry entry{.type = static_cast<EntryType>(i % 3),
                      .path = path,
                      .size = size,
                      .mode = 0751,
                      .modified_ns = time,
                      .link_target = target};
    RC_ASSERT(table.append(entry) == static_cast<EntryIndex>(i));
  }
  RC_ASSERT(table.size() == model.size());
  for (EntryIndex i = 0; i < table.size(); ++i) {
    const auto& [path, target, size, time] = model[i];
    const Entry expected{.type = static_cast<EntryType>(i % 3),
                         .path = path,
                         .size = size,
                         .mode = 0751,
                         .modified_ns = time,
                         .link_target = target};
    RC_ASSERT(table[i] == expected);
  }
}

TEST(EntryTableTest, SpecialModeBitsAreDropped) {
  EntryTable table;
  table.append({.path = "setuid", .mode = 04755});
  EXPECT_EQ(table[0].mode, 0755u);
}

TEST(EntryCheckTest, AWalkInOrderPasses) {
  EntryCheck check;
  for (const Entry& entry : {directory("a"), file("a/1"), directory("a/b"), file("a/b/x"),
                             symlink("a/c", "b/x"), file("a.txt"), directory("z"), file("z/y")}) {
    EXPECT_TRUE(check.pass(entry)) << entry.path;
  }
}

struct BadSequence {
  std::vector<Entry> entries;  // all but the last pass
  std::string_view reason;
};

TEST(EntryCheckTest, WhatBreaksTheOrderOrFallsTogetherIsRefusedWithBothNames) {
  const BadSequence sequences[] = {
      {{file("a"), file("a")}, "'a' and 'a': two names that fall together"},
      {{file("a"), directory("a")}, "'a' and 'a': two names that fall together"},
      {{file("a"), file("a/b")}, "'a' and 'a/b': the first is a file or link"},
      {{symlink("a", "b"), file("a/b")}, "'a' and 'a/b': the first is a file or link"},
      {{file("b"), file("a")}, "'b' and 'a': the second comes too late"},
      {{directory("a"), file("a/b"), file("c"), file("a/b")}, "'c' and 'a/b': the second comes too late"},
      {{file("a/b")}, "the folder of the second was not announced"},
      {{directory("a"), file("a/b/c")}, "the folder of the second was not announced"},
      {{directory("a"), file("a/b"), file("b/c")}, "the folder of the second was not announced"},
      {{file("../a")}, "contains '.' or '..'"},
      {{symlink("a", "/etc")}, "absolute"},
  };
  for (const BadSequence& sequence : sequences) {
    EntryCheck check;
    for (std::size_t i = 0; i + 1 < sequence.entries.size(); ++i) {
      ASSERT_TRUE(check.pass(sequence.entries[i])) << sequence.reason;
    }
    const auto refused = check.pass(sequence.entries.back());
    ASSERT_FALSE(refused) << sequence.reason;
    EXPECT_EQ(refused.error().code, FailureCode::BadName);
    EXPECT_NE(refused.error().reason.find(sequence.reason), std::string::npos) << refused.error().reason;
  }
}

RC_GTEST_PROP(ContentDigestPropertyTest, OrderOfArrivalDoesNotMatter, ()) {
  const auto count = *rc::gen::inRange<std::uint64_t>(0, 200);
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<std::uint64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, random);
  ContentDigest in_order;
  ContentDigest shuffled;
  for (std::uint64_t i = 0; i < count; ++i) RC_ASSERT(in_order.add(i, hash_of(i)));
  for (const std::uint64_t i : order) RC_ASSERT(shuffled.add(i, hash_of(i)));
  RC_ASSERT(shuffled.contiguous() == count);
  RC_ASSERT(shuffled.finish() == in_order.finish());
}

TEST(ContentDigestTest, RefusesRepeatsAndWhatIsTooFarAhead) {
  ContentDigest digest;
  EXPECT_TRUE(digest.add(0, hash_of(0)));
  EXPECT_FALSE(digest.add(0, hash_of(0)));
  EXPECT_TRUE(digest.add(5, hash_of(5)));
  EXPECT_FALSE(digest.add(5, hash_of(6)));
  EXPECT_TRUE(digest.add(1 + ContentDigest::kWindow, hash_of(1)));
  EXPECT_FALSE(digest.add(2 + ContentDigest::kWindow, hash_of(1)));
  EXPECT_FALSE(digest.add(~std::uint64_t{0}, hash_of(1)));
  EXPECT_EQ(digest.contiguous(), 1u);
  EXPECT_EQ(digest.total(), 3u);
}

EntryTable small_tree() {
  EntryTable entries;
  for (const Entry& entry : {directory("d"), file("d/1"), file("d/2"), symlink("d/3", "1"), file("e", 0)}) {
    entries.append(entry);
  }
  return entries;
}

TEST(RootBuilderTest, TheRootDoesNotDependOnTheOrderInWhichFilesEnd) {
  const EntryTable entries = small_tree();
  std::vector<EntryIndex> files{1, 2, 4};
  std::optional<crypto::Hash256> root;
  do {
    RootBuilder builder(entries);
    for (const EntryIndex index : files) {
      builder.on_file(index, hash_of(index));
      builder.advance(entries.size());
    }
    EXPECT_EQ(builder.done(), entries.size());
    if (!root) root = builder.finish();
    EXPECT_EQ(builder.finish(), *root);
  } while (std::ranges::next_permutation(files).found);
}

TEST(RootBuilderTest, DoesNotPassAFileThatHasNotEndedNorWhatIsNotSettled) {
  const EntryTable entries = small_tree();
  RootBuilder builder(entries);
  builder.on_file(2, hash_of(2));
  builder.advance(entries.size());
  EXPECT_EQ(builder.done(), 1u);
  builder.on_file(1, hash_of(1));
  builder.advance(2);
  EXPECT_EQ(builder.done(), 2u);
  builder.advance(entries.size());
  EXPECT_EQ(builder.done(), 4u);
}

// Everything that a manifest says is in its root: a change of any field changes it.
TEST(RootHasherTest, EveryFieldCounts) {
  const Entry base{.path = "a", .size = 5, .mode = 0644, .modified_ns = 7};
  std::vector<std::pair<Entry, std::optional<crypto::Hash256>>> variants{
      {base, hash_of(1)}, {base, hash_of(2)}, {base, std::nullopt}};
  for (int field = 0; field < 5; ++field) {
    Entry changed = base;
    if (field == 0) changed.path = "b";
    if (field == 1) changed.size = 6;
    if (field == 2) changed.mode = 0600;
    if (field == 3) changed.modified_ns = -7;
    if (field == 4) changed.type = EntryType::Directory;
    variants.emplace_back(changed, hash_of(1));
  }
  variants.emplace_back(symlink("a", "x"), std::nullopt);
  variants.emplace_back(symlink("a", "y"), std::nullopt);
  std::vector<crypto::Hash256> roots;
  for (const auto& [entry, content] : variants) {
    RootHasher hasher;
    hasher.add(entry, content);
    roots.push_back(hasher.finish());
  }
  std::ranges::sort(roots);
  EXPECT_EQ(std::ranges::adjacent_find(roots), roots.end());
}

}  // namespace
}  // namespace jetway::transfer
