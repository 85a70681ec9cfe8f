// The object that a precompiled header needs to hang on: see JetwayTargets.cmake.
