// The compiled half of boost/asio/ssl: see Boost::asio_ssl in JetwayPackages.cmake.
#include <boost/asio/ssl/impl/src.hpp>
