// The compiled half of Boost.Asio: see Boost::asio in JetwayPackages.cmake.
#include <boost/asio/impl/src.hpp>
